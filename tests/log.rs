//! The log: attempts are logged once, waiting deliveries are found, and everything is found by its id.

use std::time::Duration;

use anyhow::{Context, Result};
use aws_sdk_dynamodb::types::AttributeValue;
use clients::store::Store;
use clients::store::deliveries::{LogEntry, Logged};
use clients::store::kept_request::{KeptBody, KeptRequest};
use clients::store::waiting::{WaitingRow, WaitingShard, WaitsIn};
use domain::time::{Clock, Timestamp};
use domain::{
    AgentId, Attempt, AttemptTrigger, Delivery, DeliveryId, DeliveryKey, DialectName, EventPack, Ids, Owner, Status,
    Tenant, WebhookId, WebhookKind, WebhookRef,
};

use functions::function::Trigger;

use crate::stack::{AGENT, Api};

const NOW: Timestamp = Timestamp::from_millis(1_795_000_000_000);

async fn start_with_store() -> Result<(Api, Store, Tenant)> {
    let api = Api::unswept().await?;
    let (store, [tenant, _]) = (api.store().await?, local::demo::tenants());
    Ok((api, store, tenant))
}

/// A delivery of event number `n`, after `attempt_count` attempts. Only the last attempt is in it.
pub(crate) fn delivery(
    tenant: &Tenant,
    webhook: &WebhookId,
    (n, accepted_at): (usize, Timestamp),
    status: Status,
    attempt_count: u32,
) -> Delivery {
    let event_id = EventPack { accepted_at, number: n as u64 }.event_id(0);
    let id = DeliveryId::derive(&event_id, webhook, accepted_at, 3);
    let attempt = Attempt {
        number: attempt_count,
        trigger: AttemptTrigger::Automatic,
        at: accepted_at,
        duration_ms: 12,
        http_status: Some(if status == Status::Success { 200 } else { 500 }),
        error: (status != Status::Success).then(|| "The endpoint answered 500.".to_owned()),
        response_headers: vec![("x-request-id".to_owned(), "r1".to_owned())],
        response_body: Some(String::new()),
    };
    Delivery {
        key: DeliveryKey {
            tenant: tenant.clone(),
            webhook_id: webhook.clone(),
            shard: id.place().unwrap().shard,
            created_at: accepted_at,
            id,
        },
        event_id,
        event_type: if n.is_multiple_of(2) { "agent.message" } else { "agent.call_ended" }.to_owned(),
        dialect: Some(DialectName::new("agentphone")),
        agent_id: Some(AgentId::parse(AGENT).unwrap()),
        message_id: None,
        channel: Some("sms".to_owned()),
        conversation_id: Some("conv#1".to_owned()),
        status,
        attempt_count,
        attempts: vec![attempt],
        end_reason: None,
        next_retry_at: (status == Status::Pending).then_some(accepted_at.plus(Duration::from_secs(60))),
    }
}

/// The log entry of a delivery whose body is `{}`.
pub(crate) fn entry(delivery: Delivery) -> LogEntry {
    let owner = delivery.agent_id.clone().map_or(Owner::Project, Owner::Agent);
    let request = KeptRequest {
        webhook: WebhookRef { id: delivery.key.webhook_id.clone(), owner, kind: WebhookKind::Primary },
        signature: None,
        headers: vec![("x-own".to_owned(), "1".to_owned())],
        traceparent: None,
        body: Some(KeptBody::Whole("{}".to_owned())),
    };
    LogEntry { delivery, request: Some(request), body_apart: None, is_parked: false }
}

fn at(n: usize) -> (usize, Timestamp) {
    (n, NOW.plus(Duration::from_secs(n as u64)))
}

#[tokio::test]
async fn the_log_takes_each_attempt_once_and_never_goes_back() -> Result<()> {
    let (_api, store, tenant) = start_with_store().await?;
    let webhook = Ids::random().webhook(NOW);
    let log = |status, attempt: u32| {
        let entry = entry(delivery(&tenant, &webhook, at(0), status, attempt));
        let store = store.clone();
        async move { store.log_attempt(&entry).await }
    };
    assert_eq!(log(Status::Pending, 1).await?, Logged::Done);
    assert_eq!(log(Status::Pending, 1).await?, Logged::Done, "the same worker repeats a call whose answer was lost");
    let mut of_another_worker = delivery(&tenant, &webhook, at(0), Status::Pending, 1);
    of_another_worker.attempts[0].at = NOW.plus(Duration::from_millis(1));
    assert_eq!(store.log_attempt(&entry(of_another_worker)).await?, Logged::AlreadyLogged);
    assert_eq!(log(Status::Pending, 2).await?, Logged::Done);
    assert_eq!(log(Status::Success, 1).await?, Logged::AlreadyLogged);
    assert_eq!(log(Status::Failed, 2).await?, Logged::Done, "a final status replaces `Pending` of the same attempt");
    assert_eq!(log(Status::Success, 2).await?, Logged::AlreadyLogged);
    assert_eq!(log(Status::Pending, 2).await?, Logged::AlreadyLogged);
    let expected = entry(delivery(&tenant, &webhook, at(0), Status::Failed, 2));
    let stored = store.delivery(&expected.delivery.key).await?.context("logged")?;
    let numbers: Vec<_> = stored.delivery.attempts.iter().map(|attempt| attempt.number).collect();
    assert_eq!(numbers, [1, 2, 2], "every attempt is kept");
    let last = stored.delivery.attempts[2..].to_vec();
    assert_eq!(Delivery { attempts: last, ..stored.delivery }, expected.delivery);
    assert_eq!(stored.request, expected.request);
    Ok(())
}

#[tokio::test]
async fn a_success_is_never_replaced_by_a_later_failure() -> Result<()> {
    let (_api, store, tenant) = start_with_store().await?;
    let webhook = Ids::random().webhook(NOW);
    let succeeded = entry(delivery(&tenant, &webhook, at(0), Status::Success, 1));
    store.log_successful(std::slice::from_ref(&succeeded)).await?;
    for status in [Status::Pending, Status::Failed] {
        let later = entry(delivery(&tenant, &webhook, at(0), status, 2));
        assert_eq!(store.log_attempt(&later).await?, Logged::AlreadyLogged);
    }
    let stored = store.delivery(&succeeded.delivery.key).await?.context("logged")?;
    assert_eq!(stored.delivery, succeeded.delivery);
    Ok(())
}

#[tokio::test]
async fn a_log_in_several_shards_reads_as_one_newest_first() -> Result<()> {
    let (_api, store, tenant) = start_with_store().await?;
    let webhook = Ids::random().webhook(NOW);
    for n in 0..20 {
        store.log_attempt(&entry(delivery(&tenant, &webhook, at(n), Status::Success, 1))).await?;
    }
    let numbers = |limit| {
        let (store, tenant, webhook) = (store.clone(), tenant.clone(), webhook.clone());
        async move {
            let deliveries = store.deliveries(&tenant, &webhook, 3, limit).await?;
            anyhow::Ok(deliveries.iter().map(|found| found.key.created_at.since(NOW).as_secs()).collect::<Vec<_>>())
        }
    };
    assert_eq!(numbers(100).await?, (0..20).rev().collect::<Vec<_>>());
    assert_eq!(numbers(5).await?, [19, 18, 17, 16, 15]);
    let [_, live] = local::demo::tenants();
    assert_eq!(store.deliveries(&live, &webhook, 3, 100).await?, []);
    Ok(())
}

#[tokio::test]
async fn a_delivery_is_found_by_its_id_alone_and_only_in_its_tenant() -> Result<()> {
    let (_api, store, tenant) = start_with_store().await?;
    let [_, live] = local::demo::tenants();
    let foreign = WebhookId::parse("an-id-of-another-platform")?;
    for webhook in [Ids::random().webhook(NOW), Ids::random().webhook_uuid(NOW), foreign] {
        let expected = entry(delivery(&tenant, &webhook, at(7), Status::Success, 1));
        store.log_successful(std::slice::from_ref(&expected)).await?;
        let id = &expected.delivery.key.id;
        let found = store.delivery_by_id(&tenant, id).await?.context("found")?;
        assert_eq!(found.delivery, expected.delivery);
        assert_eq!(store.delivery_by_id(&live, id).await?, None);
    }
    assert_eq!(store.delivery_by_id(&tenant, &DeliveryId::parse("del_1")?).await?, None);
    Ok(())
}

/// All rows of one kind of waiting that are due before `before`.
async fn rows(store: &Store, waits_in: WaitsIn, before: Timestamp) -> Result<Vec<(WaitingShard, WaitingRow)>> {
    let mut all = Vec::new();
    for shard in store.shards_with_due(|_| before).await?.into_iter().filter(|shard| shard.waits_in == waits_in) {
        let rows = store.waiting_rows(shard, before, None, 100).await?;
        all.extend(rows.into_iter().map(|row| (shard, row)));
    }
    Ok(all)
}

#[tokio::test]
async fn an_overdue_delivery_is_found_and_queued_by_one_worker_alone() -> Result<()> {
    let (_api, store, tenant) = start_with_store().await?;
    let webhook = Ids::random().webhook(NOW);
    for (n, status) in [Status::Pending, Status::Success, Status::Failed, Status::Pending].into_iter().enumerate() {
        store.log_attempt(&entry(delivery(&tenant, &webhook, (n, NOW), status, 1))).await?;
    }
    assert!(rows(&store, WaitsIn::Queue, NOW.plus(Duration::from_secs(60))).await?.is_empty(), "due is not overdue");
    let later = NOW.plus(Duration::from_secs(61));
    let found = rows(&store, WaitsIn::Queue, later).await?;
    assert_eq!(found.len(), 2, "the two that are pending");
    let found = found.into_iter().map(|(_, row)| row).collect();
    let waiting = store.waiting_deliveries(found, later).await?;
    let (row, stored) = waiting.first().context("found")?;
    assert!(store.move_to_queue(row, &stored.delivery.key, later).await?);
    assert!(!store.move_to_queue(row, &stored.delivery.key, later).await?, "another worker has queued it");
    assert_eq!(rows(&store, WaitsIn::Queue, later).await?.len(), 1);
    Ok(())
}

#[tokio::test]
async fn a_parked_delivery_waits_apart_from_those_in_the_queue() -> Result<()> {
    let (_api, store, tenant) = start_with_store().await?;
    let webhook = Ids::random().webhook(NOW);
    let parked = LogEntry { is_parked: true, ..entry(delivery(&tenant, &webhook, (0, NOW), Status::Pending, 1)) };
    store.log_attempt(&parked).await?;
    store.log_attempt(&entry(delivery(&tenant, &webhook, (1, NOW), Status::Pending, 1))).await?;
    let later = NOW.plus(Duration::from_secs(61));
    let found: Vec<_> = rows(&store, WaitsIn::Table, later).await?.into_iter().map(|(_, row)| row).collect();
    let waiting = store.waiting_deliveries(found, later).await?;
    assert_eq!(waiting.len(), 1);
    assert_eq!(waiting[0].1.delivery, parked.delivery);
    assert!(store.move_to_queue(&waiting[0].0, &parked.delivery.key, waiting[0].0.due_at).await?);
    assert_eq!(rows(&store, WaitsIn::Table, later).await?.len(), 0);
    assert_eq!(rows(&store, WaitsIn::Queue, later).await?.len(), 2);
    assert!(store.park(&parked.delivery.key, 2, later).await?);
    assert!(!store.park(&parked.delivery.key, 3, later).await?, "another attempt is due");
    assert_eq!(rows(&store, WaitsIn::Table, later.plus(Duration::from_secs(1))).await?.len(), 1);
    Ok(())
}

/// Parks `count` deliveries, due at `due_at`, in one shard of the index. Their webhook does not exist.
pub(crate) async fn park_in_one_shard(store: &Store, tenant: &Tenant, count: usize, due_at: Timestamp) -> Result<()> {
    let webhook = Ids::random().webhook(due_at);
    let of = |n| delivery(tenant, &webhook, (n, due_at), Status::Pending, 1);
    for n in (0..).filter(|&n| of(n).key.id.shard(64) == 0).take(count) {
        let parked = Delivery { next_retry_at: Some(due_at), ..of(n) };
        store.log_attempt(&LogEntry { is_parked: true, ..entry(parked) }).await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_shard_with_many_parked_deliveries_is_released_page_by_page() -> Result<()> {
    let api = Api::start().await?;
    let (store, [tenant, _]) = (api.store().await?, local::demo::tenants());
    park_in_one_shard(&store, &tenant, 60, Clock::system().now()).await?;
    let Trigger::Schedule(_, sweep) = functions::pipeline::sweep::FUNCTION.trigger else { panic!("it has a schedule") };
    sweep(&api.app).await?;
    api.idle().await?;
    let later = Clock::system().now().plus(Duration::from_secs(3600));
    assert!(rows(&store, WaitsIn::Table, later).await?.is_empty());
    let failed = store.listed(&tenant, Status::Failed).await?;
    assert_eq!(failed.len(), 60, "their webhook is gone, so each has ended");
    Ok(())
}

#[tokio::test]
async fn a_waiting_delivery_whose_body_is_not_stored_is_deferred_and_fails_after_a_day() -> Result<()> {
    let api = Api::start().await?;
    let (store, [tenant, _]) = (api.store().await?, local::demo::tenants());
    let (webhook, now) = (Ids::random().webhook(NOW), Clock::system().now());
    let two_days_ago = now.minus(Duration::from_secs(2 * 24 * 60 * 60));
    let mut keys = Vec::new();
    for accepted_at in [now, two_days_ago] {
        let of = delivery(&tenant, &webhook, (0, accepted_at), Status::Pending, 1);
        let mut parked = entry(Delivery { next_retry_at: Some(now), ..of });
        parked.is_parked = true;
        parked.request.as_mut().context("its request")?.body = Some(KeptBody::WithEvent);
        store.log_attempt(&parked).await?;
        keys.push(parked.delivery.key);
    }
    let Trigger::Schedule(_, sweep) = functions::pipeline::sweep::FUNCTION.trigger else { panic!("it has a schedule") };
    sweep(&api.app).await?;
    api.idle().await?;
    let [new, old] = [&keys[0], &keys[1]];
    let (new, old) = (store.delivery(new).await?.context("new")?, store.delivery(old).await?.context("old")?);
    assert_eq!((new.delivery.status, new.is_parked), (Status::Pending, true));
    assert_eq!((old.delivery.status, old.delivery.error()), (Status::Failed, Some("The body is not stored any more.")));
    assert!(rows(&store, WaitsIn::Table, now.plus(Duration::from_secs(29 * 60))).await?.is_empty(), "it is deferred");
    Ok(())
}

#[tokio::test]
async fn an_item_that_cannot_be_parsed_hides_no_waiting_delivery() -> Result<()> {
    let (api, store, tenant) = start_with_store().await?;
    let webhook = Ids::random().webhook(NOW);
    let of = |n: usize| delivery(&tenant, &webhook, (n, NOW), Status::Pending, 1);
    // Two deliveries in the same shard of the index.
    let shard = |n: usize| of(n).key.id.shard(64);
    let other = (1..1000).find(|&n| shard(n) == shard(0)).context("another of its shard")?;
    for n in [0, other] {
        store.log_attempt(&entry(of(n))).await?;
    }
    let client = aws_sdk_dynamodb::Client::new(&local::aws::config(&api.stack.stores_url).await);
    let later = NOW.plus(Duration::from_secs(61));
    let items = client.scan().table_name("LogTable").send().await?.items.unwrap_or_default();
    let is_first = |sk: &AttributeValue| sk.as_s().is_ok_and(|sk| sk.ends_with(of(0).key.id.as_str()));
    let spoilt = items.iter().find(|item| item.get("sk").is_some_and(is_first)).context("logged")?;
    client
        .update_item()
        .table_name("LogTable")
        .key("pk", spoilt["pk"].clone())
        .key("sk", spoilt["sk"].clone())
        .update_expression("REMOVE event_id SET due_at = :first")
        .expression_attribute_values(":first", AttributeValue::N("1".to_owned()))
        .send()
        .await?;
    let queue_shard = WaitingShard { waits_in: WaitsIn::Queue, number: shard(0) };
    let first = store.waiting_rows(queue_shard, later, None, 1).await?;
    assert!(store.waiting_deliveries(first, later).await?.is_empty(), "it is the first of its shard");
    let next = store.waiting_rows(queue_shard, later, None, 1).await?;
    let waiting = store.waiting_deliveries(next, later).await?;
    assert_eq!(waiting.iter().map(|(_, stored)| stored.delivery.clone()).collect::<Vec<_>>(), [of(other)]);
    Ok(())
}
