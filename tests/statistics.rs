//! AgentPhone: the deliveries of the whole project, listed and counted.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use anyhow::Result;
use aws_sdk_dynamodb::types::{AttributeValue, PutRequest, WriteRequest};
use clients::store::Store;
use clients::store::webhooks::LISTED_MAX;
use domain::time::{Clock, Timestamp};
use domain::{Status, Tenant, WebhookId};
use local::demo::LIVE_KEY;
use serde_json::{Value, json};

use crate::log;
use crate::receiver::{Receiver, Step};
use crate::stack::{AGENT, Api, OTHER_AGENT};

const DELIVERIES: &str = "/agentphone/v1/webhooks/deliveries";

/// Logs a delivery whose event was accepted `minutes` minutes ago.
async fn log_delivery(
    store: &Store,
    tenant: &Tenant,
    webhook: &Value,
    n: usize,
    status: Status,
    minutes: u64,
) -> Result<()> {
    let webhook_id = WebhookId::parse(webhook["id"].as_str().unwrap()).unwrap();
    let created_at = Clock::system().now().minus(Duration::from_secs(minutes * 60));
    let mut delivery = log::delivery(tenant, &webhook_id, (n, created_at), status, 1);
    (delivery.agent_id, delivery.key.shard) = (None, 0);
    store.log_attempt(&log::entry(delivery)).await?;
    Ok(())
}

#[tokio::test]
async fn the_projects_deliveries_are_those_of_all_its_primary_webhooks_newest_first_in_pages() -> Result<()> {
    let (api, receiver) = (Api::start().await?, Receiver::start(&[]).await?);
    api.set_webhook(AGENT, &receiver.url("/a")).await?;
    let line = json!({ "url": receiver.url("/b"), "agent_id": OTHER_AGENT });
    assert_eq!(api.post("/agentline/v1/webhooks", &line).await?.status, 200);
    api.post("/agentphone/v1/webhooks", &json!({ "url": receiver.url("/c") })).await?;
    api.post("/casey/v1/backend/webhooks", &json!({ "url": receiver.url("/d"), "event_types": ["n"] })).await?;
    for n in 0..7 {
        let mut event = json!({ "type": "n", "data": { "messageId": n.to_string() } });
        match n % 3 {
            0 => event["agent_id"] = json!(AGENT),
            1 => event["agent_id"] = json!(OTHER_AGENT),
            _ => {}
        }
        api.publish(&event).await?;
    }
    api.idle().await?;
    assert_eq!(receiver.received().len(), 14, "Casey's endpoint got them, too");
    let all = api.get(DELIVERIES).await?;
    assert_eq!((all.status, &all.body["total"]), (200, &json!(7)));
    assert_eq!((&all.body["limit"], &all.body["offset"]), (&json!(50), &json!(0)));
    let items = all.body["items"].as_array().unwrap().clone();
    let ids: Vec<Value> = items.iter().map(|item| item["messageId"].clone()).collect();
    assert_eq!(ids, [json!("6"), json!("5"), Value::Null, json!("3"), json!("2"), Value::Null, json!("0")]);
    let keys: Vec<&str> = items[0].as_object().unwrap().keys().map(String::as_str).collect();
    let mut expected = vec!["id", "messageId", "eventType", "channel", "status", "httpStatus", "errorMessage"];
    expected.extend(["responseBody", "attemptCount", "lastAttemptAt", "nextRetryAt", "createdAt"]);
    assert_eq!(keys, expected);
    for offset in 0..9 {
        let page = api.get(&format!("{DELIVERIES}?limit=3&offset={offset}")).await?.body;
        let expected: Vec<Value> = items.iter().skip(offset).take(3).cloned().collect();
        assert_eq!(page, json!({ "items": expected, "total": 7, "offset": offset, "limit": 3 }));
    }
    let live = api.with_key(LIVE_KEY).get(DELIVERIES).await?.body;
    assert_eq!(live, json!({ "items": [], "total": 0, "offset": 0, "limit": 50 }));
    Ok(())
}

#[tokio::test]
async fn deliveries_are_counted_by_status_type_and_hour() -> Result<()> {
    let api = Api::unswept().await?;
    let (store, [tenant, _]) = (api.store().await?, local::demo::tenants());
    let (agents, default) = (
        api.set_webhook(AGENT, "https://a.example").await?,
        api.post("/agentphone/v1/webhooks", &json!({ "url": "https://b.example" })).await?.body,
    );
    let logged = [
        (&agents, Status::Success, 1),
        (&agents, Status::Success, 61),
        (&default, Status::Failed, 2),
        (&default, Status::Skipped, 3),
        (&default, Status::Pending, 4),
        (&default, Status::Success, 25 * 60),
    ];
    for (n, (webhook, status, minutes)) in logged.into_iter().enumerate() {
        log_delivery(&store, &tenant, webhook, n, status, minutes).await?;
    }
    let stats = api.get(&format!("{DELIVERIES}/stats")).await?;
    let mut body = stats.body;
    let by_hour = body.as_object_mut().unwrap().shift_remove("byHour").unwrap();
    let by_event_type = json!({
        "agent.call_ended": { "failed": 1, "success": 1 },
        "agent.message": { "failed": 1, "pending": 1, "success": 1 },
    });
    let expected = json!({
        "total": 5, "success": 2, "failed": 2, "pending": 1, "successRate": 40.0, "byEventType": by_event_type,
    });
    assert_eq!((stats.status, body), (200, expected));
    let hours = by_hour.as_array().unwrap();
    let sum = |name: &str| hours.iter().map(|hour| hour[name].as_u64().unwrap()).sum::<u64>();
    assert_eq!((sum("total"), sum("success"), sum("failed")), (5, 2, 2));
    assert!((2..=3).contains(&hours.len()), "an hour without deliveries is left out: {by_hour}");
    let starts: Vec<&str> = hours.iter().map(|hour| hour["hour"].as_str().unwrap()).collect();
    assert!(starts.is_sorted() && starts.iter().all(|start| start.ends_with(":00:00Z")), "{starts:?}");
    let earliest = Timestamp::parse_rfc3339(starts[0]).unwrap();
    assert!(Clock::system().now().since(earliest) < Duration::from_secs(2 * 60 * 60 + 120));

    let longer = api.get(&format!("{DELIVERIES}/stats?hours=26")).await?.body;
    assert_eq!((&longer["total"], &longer["successRate"]), (&json!(6), &json!(50.0)));
    let all = api.get(&format!("{DELIVERIES}/all-time")).await?;
    let expected = json!({ "total": 6, "success": 3, "failed": 2, "successRate": 50.0 });
    assert_eq!((all.status, all.body), (200, expected));
    assert_eq!(api.get(&format!("{DELIVERIES}?hours=1")).await?.body["total"], 4);
    let recent = api.get(&format!("{DELIVERIES}?hours=24")).await?.body;
    assert_eq!((&recent["total"], recent["items"].as_array().unwrap().len()), (&json!(5), 5));

    let live = api.with_key(LIVE_KEY);
    let nothing = json!({ "total": 0, "success": 0, "failed": 0, "successRate": 0.0 });
    assert_eq!(live.get(&format!("{DELIVERIES}/all-time")).await?.body, nothing);
    Ok(())
}

#[tokio::test]
async fn successful_and_failed_deliveries_are_counted_as_such() -> Result<()> {
    let steps = [Step::Status(200), Step::Status(500), Step::Status(500)];
    let (api, receiver) = (Api::with(&[("RETRY_SCHEDULE", "1s")]).await?, Receiver::start(&steps).await?);
    api.set_webhook(AGENT, &receiver.url("/")).await?;
    for _ in 0..2 {
        api.publish(&json!({ "type": "call.completed", "agent_id": AGENT, "data": {} })).await?;
        api.idle().await?;
    }
    let stats = api.get(&format!("{DELIVERIES}/stats")).await?.body;
    assert_eq!(stats["byEventType"], json!({ "agent.call_ended": { "failed": 1, "success": 1 } }));
    Ok(())
}

#[tokio::test]
async fn a_hot_webhooks_log_is_spread_and_all_of_it_is_found() -> Result<()> {
    let (second, receiver) = (Arc::new(AtomicI64::new(0)), Receiver::start(&[]).await?);
    let shown = second.clone();
    let clock =
        Clock::from_fn(move || Timestamp::from_millis(1_795_232_872_000 + 1000 * shown.load(Ordering::Relaxed)));
    let api = Api::with_app(|app| app.clock = clock).await?;
    api.set_webhook(AGENT, &receiver.url("/")).await?;
    let (store, [tenant, _]) = (api.store().await?, local::demo::tenants());
    let shards = async || anyhow::Ok(store.primary_webhooks(&tenant).await?.pop().unwrap().log_shards);
    let events = json!({ "events": vec![json!({ "type": "a", "agent_id": AGENT, "data": {} }); 30] });
    for busy in 1..=6 {
        assert_eq!(shards().await?, if busy <= 5 { 1 } else { 16 }, "in second {busy}");
        assert_eq!(api.post("/v1/events", &events).await?.status, 202);
        api.idle().await?;
        second.fetch_add(1, Ordering::Relaxed);
        let published = 30 * busy;
        let path = format!("/agentphone/v1/agents/{AGENT}/webhook/deliveries?limit=100");
        let listed = api.get(&path).await?.body;
        let times: Vec<_> = listed.as_array().unwrap().iter().map(|delivery| &delivery["createdAt"]).collect();
        assert_eq!(times.len(), published.min(100));
        assert!(times.is_sorted_by(|a, b| a.as_str() >= b.as_str()), "newest first");
        assert_eq!(api.get(DELIVERIES).await?.body["total"], published);
    }
    // A webhook that is set again keeps its id and its log.
    api.set_webhook(AGENT, &receiver.url("/again")).await?;
    assert_eq!(shards().await?, 16);
    Ok(())
}

#[tokio::test]
async fn calls_over_a_project_with_too_many_webhooks_are_refused_with_a_reason() -> Result<()> {
    let api = Api::start().await?;
    let client = aws_sdk_dynamodb::Client::new(&local::aws::config(&api.stack.stores_url).await);
    let row = |n: usize| {
        let text = |value: String| AttributeValue::S(value);
        let keys = [("pk", format!("row#{n}")), ("sk", "slot".to_owned()), ("list_sk", format!("wh_{n}"))];
        let keys = keys.into_iter().chain([("list_pk", "demo#test#webhooks".to_owned())]);
        let put =
            PutRequest::builder().set_item(Some(keys.map(|(name, value)| (name.to_owned(), text(value))).collect()));
        WriteRequest::builder().put_request(put.build().unwrap()).build()
    };
    let rows: Vec<WriteRequest> = (0..=LISTED_MAX).map(row).collect();
    for some in rows.chunks(25) {
        client.batch_write_item().request_items("ConfigTable", some.to_vec()).send().await?;
    }
    let detail = json!({ "detail": "The project has over 10000 webhooks, which no one call reads." });
    for path in
        ["/agentline/v1/webhooks", DELIVERIES, &format!("{DELIVERIES}/stats"), &format!("{DELIVERIES}/all-time")]
    {
        let answer = api.get(path).await?;
        assert_eq!((answer.status, &answer.body), (400, &detail), "{path}");
    }
    assert_eq!(api.get(&format!("/agentline/v1/webhooks?agent_id={AGENT}")).await?.status, 200);
    Ok(())
}

#[tokio::test]
async fn a_bad_query_is_refused_with_everything_that_is_wrong() -> Result<()> {
    let api = Api::start().await?;
    let answer = api.get(&format!("{DELIVERIES}?limit=0&offset=-1&hours=x")).await?;
    let locs: Vec<&Value> = answer.body["detail"].as_array().unwrap().iter().map(|error| &error["loc"]).collect();
    assert_eq!(
        (answer.status, locs),
        (422, vec![&json!(["query", "limit"]), &json!(["query", "offset"]), &json!(["query", "hours"])])
    );
    for query in ["?offset=10001", "?hours=0", "?hours=8761", "?limit=101", "/stats?hours=0", "/stats?hours=1.5"] {
        assert_eq!(api.get(&format!("{DELIVERIES}{query}")).await?.status, 422, "{query}");
    }
    Ok(())
}
