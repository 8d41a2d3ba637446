//! An event that a platform publishes twice with one client id is delivered once.

use std::time::Duration;

use anyhow::Result;
use clients::store::dedup::DedupLock;
use domain::EventId;
use domain::time::Clock;
use futures::future::join_all;
use http::Method;
use local::demo::LIVE_KEY;
use serde_json::{Value, json};

use crate::receiver::Receiver;
use crate::stack::{AGENT, Answer, Api, Client};

async fn start_with_default_webhook() -> Result<(Api, Receiver)> {
    let (api, receiver) = (Api::start().await?, Receiver::start(&[]).await?);
    api.post("/agentphone/v1/webhooks", &json!({ "url": receiver.url("/") })).await?;
    Ok((api, receiver))
}

fn event(id: &str, n: u64) -> Value {
    json!({ "type": "a", "id": id, "agent_id": AGENT, "conversation_id": "c", "data": { "n": n } })
}

/// Publishes with the header `Idempotency-Key`.
async fn publish_with_key(client: &Client, key: &str, body: &Value) -> Result<Answer> {
    client.send_with(Method::POST, "/v1/events", body.to_string(), &[("idempotency-key", key)]).await
}

fn received_numbers(receiver: &Receiver) -> Vec<Value> {
    let mut numbers: Vec<Value> =
        receiver.received().iter().map(|received| received.json()["data"]["n"].clone()).collect();
    numbers.sort_by_key(Value::to_string);
    numbers
}

#[tokio::test]
async fn an_event_published_again_with_its_client_id_gets_the_same_answer_and_is_delivered_once() -> Result<()> {
    let (api, receiver) = start_with_default_webhook().await?;
    let first = api.publish(&event("order-1", 1)).await?;
    api.idle().await?;
    assert_eq!(api.publish(&event("order-1", 1)).await?, first);
    let respelled =
        r#"{"data":{"n":1.0e0}, "conversation_id":"c", "agent_id":"AGENT", "id":"order-1", "type":"\u0061"}"#;
    let respelled = respelled.replace("1.0e0", "1").replace("AGENT", AGENT);
    let again = api.send(Method::POST, "/v1/events", respelled).await?;
    assert_eq!(
        (again.status, again.body["id"].as_str()),
        (202, Some(first.as_str())),
        "the same content, spelled otherwise"
    );
    let other = api.publish(&event("order-2", 3)).await?;
    assert_ne!(other, first);
    api.idle().await?;
    assert_eq!(received_numbers(&receiver), [json!(1), json!(3)]);
    Ok(())
}

#[tokio::test]
async fn a_client_id_with_other_content_is_refused_and_nothing_of_the_request_is_taken() -> Result<()> {
    let (api, receiver) = start_with_default_webhook().await?;
    api.publish(&event("order-1", 1)).await?;
    let refused = api.post("/v1/events", &event("order-1", 2)).await?;
    assert_eq!((refused.status, &refused.body["error"]["code"]), (422, &json!("id_conflict")));
    assert_eq!(refused.body["error"]["details"][0]["field"], "id");
    let batch = json!({ "events": [event("order-2", 3), event("order-1", 4), { "type": "a", "data": { "n": 5 } }] });
    let refused = api.post("/v1/events", &batch).await?;
    assert_eq!((refused.status, &refused.body["error"]["details"][0]["field"]), (422, &json!("events[1].id")));
    let twice = json!({ "events": [event("order-3", 6), event("order-3", 7)] });
    assert_eq!(api.post("/v1/events", &twice).await?.status, 422);
    api.publish(&event("order-2", 8)).await?;
    api.publish(&event("order-3", 9)).await?;
    api.idle().await?;
    assert_eq!(received_numbers(&receiver), [json!(1), json!(8), json!(9)], "a refused id is free");
    Ok(())
}

#[tokio::test]
async fn the_same_client_id_in_another_project_or_environment_is_another_event() -> Result<()> {
    let (api, receiver) = start_with_default_webhook().await?;
    let mut ids = vec![api.publish(&event("order-1", 0)).await?];
    for (n, other) in [api.with_key(LIVE_KEY), api.project("other").await?].into_iter().enumerate() {
        other.post("/agentphone/v1/webhooks", &json!({ "url": receiver.url("/") })).await?;
        ids.push(other.publish(&event("order-1", n as u64 + 1)).await?);
    }
    api.idle().await?;
    assert_eq!(received_numbers(&receiver), [json!(0), json!(1), json!(2)]);
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 3);
    Ok(())
}

#[tokio::test]
async fn identical_concurrent_publishes_are_delivered_once() -> Result<()> {
    let (api, receiver) = start_with_default_webhook().await?;
    let events: Vec<Value> = (0..5).map(|n| event(&format!("order-{n}"), n)).collect();
    let body = json!({ "events": events });
    let answers = join_all((0..20).map(|_| api.post("/v1/events", &body))).await;
    let answers: Vec<Answer> = answers.into_iter().collect::<Result<_>>()?;
    assert!(answers.iter().all(|answer| *answer == answers[0] && answer.status == 202), "{answers:?}");
    let without_id = json!({ "type": "a", "data": { "n": 5 } });
    let answers = join_all((0..20).map(|_| publish_with_key(&api, "request-1", &without_id))).await;
    let answers: Vec<Answer> = answers.into_iter().collect::<Result<_>>()?;
    assert!(answers.iter().all(|answer| *answer == answers[0] && answer.status == 202), "{answers:?}");
    api.idle().await?;
    assert_eq!(received_numbers(&receiver), (0..6).map(|n| json!(n)).collect::<Vec<_>>());
    Ok(())
}

#[tokio::test]
async fn an_idempotency_key_identifies_a_request_and_its_body() -> Result<()> {
    let (api, receiver) = start_with_default_webhook().await?;
    let body = json!({ "events": [{ "type": "a", "data": { "n": 1 } }, { "type": "a", "data": { "n": 2 } }] });
    let first = publish_with_key(&api, "request-1", &body).await?;
    let again = publish_with_key(&api, "request-1", &body).await?;
    assert_eq!((first.status, &again), (202, &first));
    let other = publish_with_key(&api, "request-2", &body).await?;
    assert_ne!(other.body, first.body);
    let refused = publish_with_key(&api, "request-1", &json!({ "type": "a", "data": { "n": 3 } })).await?;
    assert_eq!((refused.status, &refused.body["error"]["details"][0]["field"]), (422, &json!("idempotency-key")));
    for key in ["", &"x".repeat(256)] {
        assert_eq!(publish_with_key(&api, key, &body).await?.status, 422, "{key}");
    }
    api.idle().await?;
    assert_eq!(received_numbers(&receiver), [json!(1), json!(1), json!(2), json!(2)]);
    Ok(())
}

#[tokio::test]
async fn a_client_id_counts_for_an_event_put_straight_into_the_queue_too() -> Result<()> {
    let (api, receiver) = start_with_default_webhook().await?;
    let tenant = json!({ "project": "demo", "environment": "test" });
    let queued = json!({ "v": 1, "scope": tenant, "events": [event("order-1", 1), event("order-2", 2)] });
    api.enqueue("EventsQueue", &queued.to_string()).await?;
    receiver.wait_for(2).await?;
    api.enqueue("EventsQueue", &queued.to_string()).await?;
    api.publish(&event("order-1", 1)).await?;
    assert_eq!(api.post("/v1/events", &event("order-1", 3)).await?.body["error"]["code"], "id_conflict");
    api.idle().await?;
    assert_eq!(received_numbers(&receiver), [json!(1), json!(2)]);
    Ok(())
}

#[tokio::test]
async fn a_client_id_can_be_used_again_after_a_day() -> Result<()> {
    let (api, receiver) = start_with_default_webhook().await?;
    let (store, [tenant, _]) = (api.store().await?, local::demo::tenants());
    let day_and_a_second = Duration::from_secs(24 * 60 * 60 + 1);
    let now = Clock::system().now();
    for (id, locked_at, expected_deliveries) in [("order-1", now.minus(day_and_a_second), 1), ("order-2", now, 1)] {
        let event_id = EventId::from_client_id(&tenant, id);
        let lock = store.acquire_dedup_lock(&tenant, &event_id, "an earlier publication", locked_at).await?;
        assert_eq!(lock, DedupLock::Acquired);
        store.complete_dedup_lock(&tenant, &event_id, &[]).await?;
        api.publish(&event(id, 1)).await?;
        api.idle().await?;
        assert_eq!(receiver.received().len(), expected_deliveries, "{id}");
    }
    Ok(())
}

/// An acquired dedup lock is not a delivery: the invocation that acquired it may have ended right after.
#[tokio::test]
async fn an_event_whose_dedup_lock_was_never_completed_is_delivered_by_its_repeat() -> Result<()> {
    let (api, receiver) = start_with_default_webhook().await?;
    let (store, [tenant, _]) = (api.store().await?, local::demo::tenants());
    let now = Clock::system().now();
    for (id, acquired_at) in [("order-1", now.minus(Duration::from_secs(601))), ("order-2", now)] {
        let event_id = EventId::from_client_id(&tenant, id);
        let lock = store.acquire_dedup_lock(&tenant, &event_id, "a publication that ended", acquired_at).await?;
        assert_eq!(lock, DedupLock::Acquired);
        api.publish(&event(id, 1)).await?;
    }
    receiver.wait_for(1).await?;
    assert_eq!(receiver.received().len(), 1, "the other publication may still complete its dedup lock");
    let event_id = EventId::from_client_id(&tenant, "order-2");
    let later = now.plus(Duration::from_secs(599));
    let lock = store.acquire_dedup_lock(&tenant, &event_id, "another publication", later).await?;
    assert_eq!(lock, DedupLock::InProgress);
    store.complete_dedup_lock(&tenant, &event_id, &[]).await?;
    api.idle().await?;
    assert_eq!(receiver.received().len(), 1, "the other publication has completed it");
    Ok(())
}

#[tokio::test]
async fn the_same_client_id_twice_in_a_request_or_a_message_is_delivered_once() -> Result<()> {
    let (api, receiver) = start_with_default_webhook().await?;
    let twice = [event("order-1", 1), event("order-1", 1)];
    assert_eq!(api.post("/v1/events", &json!({ "events": twice })).await?.status, 202);
    let tenant = json!({ "project": "demo", "environment": "test" });
    let twice = [event("order-2", 1), event("order-2", 1)];
    api.enqueue("EventsQueue", &json!({ "v": 1, "scope": tenant, "events": twice }).to_string()).await?;
    api.idle().await?;
    assert_eq!(receiver.received().len(), 2);
    Ok(())
}

#[tokio::test]
async fn a_message_that_is_published_again_keeps_its_place_in_the_conversation() -> Result<()> {
    let (api, receiver) = (Api::start().await?, Receiver::start(&[]).await?);
    api.post("/agentphone/v1/webhooks", &json!({ "url": receiver.url("/"), "contextLimit": 1 })).await?;
    let message = |id: &str| {
        json!({
            "type": "message.received", "id": id, "agent_id": AGENT, "conversation_id": "c",
            "conversation_state": { "last": id }, "data": { "message": id },
        })
    };
    for id in ["m-1", "m-2", "m-3", "m-4", "m-5", "m-6", "m-7", "m-1"] {
        api.publish(&message(id)).await?;
    }
    api.publish(&json!({ "type": "a", "agent_id": AGENT, "conversation_id": "c", "data": { "n": 1 } })).await?;
    api.idle().await?;
    let mut payloads = receiver.received().into_iter().map(|received| received.json());
    let payload = payloads.find(|payload| payload["event"] == "a").unwrap();
    assert_eq!(payload["recentHistory"].as_array().unwrap().len(), 1);
    assert_eq!(payload["recentHistory"][0]["content"], "m-7");
    assert_eq!(payload["conversationState"], json!({ "last": "m-7" }));
    Ok(())
}
