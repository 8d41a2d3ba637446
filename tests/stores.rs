//! The store on the embedded DynamoDB: the guarantees that must hold when two workers do the same at once.

use std::time::Duration;

use anyhow::{Context, Result};
use clients::store::Store;
use clients::store::deliveries::Logged;
use clients::store::webhooks::Replaced;
use domain::time::Timestamp;
use domain::{AgentId, Delivery, DeliveryId, DeliveryKey, EventId, Ids, Owner, Status, Tenant, Webhook, WebhookId};
use local::aws;
use local::stores::{DataLocation, Stores};

use crate::stack::{AGENT, Api};

const NOW: Timestamp = Timestamp::from_millis(1_795_000_000_000);

/// A store in memory with the demo project in it.
async fn start_with_store() -> Result<(Api, Store, Tenant)> {
    let api = Api::unswept().await?;
    let store = api.store().await?;
    let [tenant, _] = local::demo::tenants();
    Ok((api, store, tenant))
}

async fn primary_webhook(store: &Store, tenant: &Tenant) -> Result<Option<Webhook>> {
    let owner = Owner::Agent(AgentId::parse(AGENT)?);
    Ok(store.owned(tenant, &owner).await?.primary_webhook())
}

#[tokio::test]
async fn the_second_of_two_writers_of_a_primary_webhook_has_to_read_again() -> Result<()> {
    let (api, store, tenant) = start_with_store().await?;
    api.set_webhook(AGENT, "https://a.example").await?;
    let before = primary_webhook(&store, &tenant).await?.context("set")?;
    let with_url = |url: &str| Webhook {
        url: url.to_owned(),
        updated_at: before.updated_at.plus(Duration::from_millis(1)),
        ..before.clone()
    };
    assert_eq!(store.replace(&tenant, None, &with_url("https://z.example")).await?, Replaced::Conflict);
    assert_eq!(store.replace(&tenant, Some(&before), &with_url("https://b.example")).await?, Replaced::Done);
    assert_eq!(store.replace(&tenant, Some(&before), &with_url("https://c.example")).await?, Replaced::Conflict);
    let now = primary_webhook(&store, &tenant).await?.context("set")?;
    assert_eq!(now, with_url("https://b.example"), "and every field comes back as it was stored");
    Ok(())
}

#[tokio::test]
async fn a_webhook_cannot_be_put_under_an_agent_that_is_gone() -> Result<()> {
    let (api, store, tenant) = start_with_store().await?;
    api.set_webhook(AGENT, "https://a.example").await?;
    let webhook = primary_webhook(&store, &tenant).await?.context("set")?;
    assert!(store.delete_agent(&tenant, &AgentId::parse(AGENT)?).await?);
    assert_eq!(store.replace(&tenant, None, &webhook).await?, Replaced::NoOwner);
    assert_eq!(store.replace(&tenant, Some(&webhook), &webhook).await?, Replaced::NoOwner);
    assert_eq!(primary_webhook(&store, &tenant).await?, None);
    assert!(!store.delete_agent(&tenant, &AgentId::parse(AGENT)?).await?);
    Ok(())
}

fn delivery(tenant: &Tenant, webhook_id: &WebhookId, n: usize, status: Status, attempt_count: u32) -> Delivery {
    let event_id = EventId::from_queue_message("test", n);
    Delivery {
        key: DeliveryKey {
            tenant: tenant.clone(),
            webhook_id: webhook_id.clone(),
            shard: u8::try_from(n % 3).unwrap(),
            created_at: NOW.plus(Duration::from_secs(n as u64)),
            id: DeliveryId::derive(&event_id, webhook_id),
        },
        event_id,
        event_type: "call.completed".to_owned(),
        agent_id: Some(AgentId::parse(AGENT).unwrap()),
        message_id: None,
        channel: None,
        status,
        attempt_count,
        http_status: Some(500),
        error: Some("The endpoint answered 500.".to_owned()),
        response_body: Some(String::new()),
        last_attempt_at: Some(NOW),
        next_retry_at: (status == Status::Pending).then_some(NOW.plus(Duration::from_secs(60))),
    }
}

#[tokio::test]
async fn the_log_takes_each_attempt_once_and_never_goes_back() -> Result<()> {
    let (_api, store, tenant) = start_with_store().await?;
    let webhook = Ids::random().webhook(NOW);
    let log = |status, attempt: u32| {
        let entry = delivery(&tenant, &webhook, 0, status, attempt);
        let store = store.clone();
        async move { store.log_attempt(&entry, Some(attempt.to_string())).await }
    };
    assert_eq!(log(Status::Pending, 1).await?, Logged::Done);
    assert_eq!(log(Status::Pending, 1).await?, Logged::Done, "the same worker repeats a call whose answer was lost");
    let mut of_another_worker = delivery(&tenant, &webhook, 0, Status::Pending, 1);
    of_another_worker.last_attempt_at = Some(NOW.plus(Duration::from_millis(1)));
    assert_eq!(store.log_attempt(&of_another_worker, Some("1".to_owned())).await?, Logged::AlreadyLogged);
    assert_eq!(log(Status::Pending, 2).await?, Logged::Done);
    assert_eq!(log(Status::Success, 1).await?, Logged::AlreadyLogged);
    assert_eq!(log(Status::Failed, 2).await?, Logged::Done, "a final status replaces `Pending` of the same attempt");
    assert_eq!(log(Status::Success, 2).await?, Logged::AlreadyLogged);
    assert_eq!(log(Status::Pending, 2).await?, Logged::AlreadyLogged);
    let expected = delivery(&tenant, &webhook, 0, Status::Failed, 2);
    let (logged, message) = store.delivery(&expected.key).await?.context("logged")?;
    assert_eq!((logged, message.as_deref()), (expected, Some("2")));
    Ok(())
}

#[tokio::test]
async fn a_log_in_several_shards_reads_as_one_newest_first() -> Result<()> {
    let (_api, store, tenant) = start_with_store().await?;
    let webhook = Ids::random().webhook(NOW);
    for n in 0..20 {
        store.log_attempt(&delivery(&tenant, &webhook, n, Status::Success, 1), None).await?;
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
async fn an_overdue_delivery_is_found_and_deferred_by_one_worker_alone() -> Result<()> {
    let (_api, store, tenant) = start_with_store().await?;
    let webhook = Ids::random().webhook(NOW);
    for (n, status) in [Status::Pending, Status::Success, Status::Failed, Status::Pending].into_iter().enumerate() {
        let message = (status != Status::Success).then(|| n.to_string());
        store.log_attempt(&delivery(&tenant, &webhook, n, status, 1), message).await?;
    }
    assert!(store.overdue(NOW.plus(Duration::from_secs(60)), 10).await?.is_empty(), "due is not overdue");
    let later = NOW.plus(Duration::from_secs(61));
    let mut overdue = store.overdue(later, 10).await?;
    overdue.sort_by(|a, b| a.message.cmp(&b.message));
    assert_eq!(overdue.iter().map(|found| found.message.as_str()).collect::<Vec<_>>(), ["0", "3"]);
    let first = overdue.first().context("found")?;
    assert!(store.defer(first, later).await?);
    assert!(!store.defer(first, later).await?, "another worker has deferred it");
    assert_eq!(store.overdue(later, 10).await?.len(), 1);
    Ok(())
}

#[tokio::test]
async fn an_item_that_cannot_be_read_hides_no_overdue_delivery() -> Result<()> {
    let (api, store, tenant) = start_with_store().await?;
    let webhook = Ids::random().webhook(NOW);
    let key = |n: usize| delivery(&tenant, &webhook, n, Status::Pending, 1).key;
    // Two deliveries in the same shard of the index.
    let shard = |n: usize| key(n).id.shard(64);
    let other = (1..1000).find(|&n| shard(n) == shard(0)).context("another of its shard")?;
    for n in [0, other] {
        store.log_attempt(&delivery(&tenant, &webhook, n, Status::Pending, 1), Some(n.to_string())).await?;
    }
    let client = aws_sdk_dynamodb::Client::new(&local::aws::config(&api.stack.stores_url).await);
    let later = NOW.plus(Duration::from_secs(61));
    let item = client.scan().table_name("LogTable").send().await?.items.unwrap_or_default();
    let spoilt =
        item.iter().find(|item| item["id"].as_s().is_ok_and(|id| id == key(0).id.as_str())).context("logged")?;
    client
        .update_item()
        .table_name("LogTable")
        .key("pk", spoilt["pk"].clone())
        .key("sk", spoilt["sk"].clone())
        .update_expression("REMOVE event_id SET due_at = :first")
        .expression_attribute_values(":first", aws_sdk_dynamodb::types::AttributeValue::N("1".to_owned()))
        .send()
        .await?;
    assert!(store.overdue(later, 1).await?.is_empty(), "it is the first of its shard");
    let overdue = store.overdue(later, 1).await?;
    assert_eq!(overdue.iter().map(|found| found.message.clone()).collect::<Vec<_>>(), [other.to_string()]);
    Ok(())
}

/// Nothing listens at the endpoint's address. So these calls reach the stores without a socket.
#[tokio::test]
async fn a_client_inside_the_process_needs_no_socket_and_ends_with_the_stores() -> Result<()> {
    let stores = Stores::start(&DataLocation::Memory, 0).await?;
    let config = aws::config("http://127.0.0.1:1").await.into_builder().http_client(stores.http_client()).build();
    let (sqs, dynamodb) = (aws_sdk_sqs::Client::new(&config), aws_sdk_dynamodb::Client::new(&config));
    let url = sqs.create_queue().queue_name("Inside").send().await?.queue_url.context("a URL")?;
    sqs.send_message().queue_url(&url).message_body("hello").send().await?;
    let received = sqs.receive_message().queue_url(&url).send().await?;
    assert_eq!(received.messages()[0].body(), Some("hello"));
    let missing = dynamodb.describe_table().table_name("Missing").send().await.unwrap_err();
    assert!(missing.into_service_error().is_resource_not_found_exception());
    stores.stop().await;
    assert!(sqs.receive_message().queue_url(&url).send().await.is_err());
    assert!(dynamodb.describe_table().table_name("Missing").send().await.unwrap_err().as_service_error().is_none());
    Ok(())
}
