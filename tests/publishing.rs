//! Publishing events with `POST /v1/events`.

use anyhow::Result;
use http::Method;
use serde_json::{Value, json};

use crate::receiver::Receiver;
use crate::stack::{AGENT, Api};

#[tokio::test]
async fn a_batch_is_answered_in_its_order_and_all_of_it_is_delivered() -> Result<()> {
    let (api, receiver) = (Api::start().await?, Receiver::start(&[]).await?);
    api.set_webhook(AGENT, &receiver.url("/")).await?;
    let events: Vec<_> = (0..100).map(|n| json!({ "type": "a", "agent_id": AGENT, "data": { "n": n } })).collect();
    let answer = api.post("/v1/events", &json!({ "events": events })).await?;
    assert_eq!(answer.status, 202);
    let ids: Vec<&str> =
        answer.body["events"].as_array().unwrap().iter().map(|event| event["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), 100);
    assert!(ids.iter().all(|id| id.starts_with("evt_")));
    receiver.wait_for(100).await?;
    api.idle().await?;
    let mut numbers: Vec<u64> =
        receiver.received().iter().map(|received| received.json()["data"]["n"].as_u64().unwrap()).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (0..100).collect::<Vec<_>>());
    Ok(())
}

#[tokio::test]
async fn a_batch_with_a_bad_event_is_refused_and_the_error_names_the_event() -> Result<()> {
    let (api, receiver) = (Api::start().await?, Receiver::start(&[]).await?);
    api.set_webhook(AGENT, &receiver.url("/")).await?;
    let good = json!({ "type": "a", "agent_id": AGENT, "data": {} });
    let batch = json!({ "events": [good, { "type": "a b", "data": {} }, good, { "type": "a", "data": [] }, 5] });
    let answer = api.post("/v1/events", &batch).await?;
    assert_eq!(answer.status, 422);
    assert_eq!(answer.body["error"]["code"], "invalid_request");
    let details = answer.body["error"]["details"].as_array().unwrap();
    let fields: Vec<_> = details.iter().map(|detail| detail["field"].as_str().unwrap()).collect();
    assert_eq!(fields, ["events[1].type", "events[3].data", "events[4]"]);
    api.idle().await?;
    assert_eq!(receiver.received().len(), 0, "no event is accepted");
    Ok(())
}

#[tokio::test]
async fn data_reaches_the_receiver_with_its_bytes() -> Result<()> {
    let (api, receiver) = (Api::start().await?, Receiver::start(&[]).await?);
    api.set_webhook(AGENT, &receiver.url("/")).await?;
    let data = r#"{"z":1.10,"a":12345678901234567890123,"text":"\u00e4 \"quoted\" ☎","nested":{"b":[],"a":null}}"#;
    let event = format!(r#"{{"type":"a","agent_id":"{AGENT}","data":{data}}}"#);
    assert_eq!(api.send(Method::POST, "/v1/events", event).await?.status, 202);
    let received = receiver.wait_for(1).await?.remove(0);
    let body = std::str::from_utf8(&received.body)?;
    assert!(body.contains(&format!(r#""data":{data}"#)), "{body}");
    Ok(())
}

#[tokio::test]
async fn a_client_id_gives_the_same_event_id() -> Result<()> {
    let api = Api::start().await?;
    let event = json!({ "type": "a", "id": "call-1", "data": {} });
    assert_eq!(api.publish(&event).await?, api.publish(&event).await?);
    let other = api.with_key(local::demo::LIVE_KEY);
    assert_ne!(api.publish(&event).await?, other.publish(&event).await?, "per environment");
    Ok(())
}

#[tokio::test]
async fn the_largest_event_is_delivered_and_a_larger_one_refused() -> Result<()> {
    let (api, receiver) = (Api::start().await?, Receiver::start(&[]).await?);
    api.set_webhook(AGENT, &receiver.url("/")).await?;
    let event = |bytes: usize| {
        let empty = format!(r#"{{"type":"a","agent_id":"{AGENT}","data":{{"a":""}}}}"#).len();
        format!(r#"{{"type":"a","agent_id":"{AGENT}","data":{{"a":"{}"}}}}"#, "x".repeat(bytes - empty))
    };
    assert_eq!(api.send(Method::POST, "/v1/events", event(256 * 1024)).await?.status, 202);
    receiver.wait_for(1).await?;
    let refused = api.send(Method::POST, "/v1/events", event(256 * 1024 + 1)).await?;
    assert_eq!(refused.status, 422);
    Ok(())
}

#[tokio::test]
async fn an_event_put_straight_into_the_queue_is_delivered_once() -> Result<()> {
    let (api, receiver) = (Api::start().await?, Receiver::start(&[]).await?);
    api.set_webhook(AGENT, &receiver.url("/")).await?;
    let message = json!({
        "v": 1, "scope": { "project": "demo", "environment": "test" },
        "events": [{ "type": "a", "agent_id": AGENT, "data": { "n": 1 } }, { "type": "a", "agent_id": AGENT, "data": { "n": 2 } }],
    });
    api.enqueue("EventsQueue", &message.to_string()).await?;
    receiver.wait_for(2).await?;
    api.idle().await?;
    assert_eq!(receiver.received().len(), 2);
    let logged = api.deliveries(AGENT).await?;
    assert!(logged.iter().all(|delivery| delivery["status"] == "success"), "{logged:?}");
    assert_eq!(logged.iter().map(|delivery| &delivery["id"]).collect::<std::collections::HashSet<&Value>>().len(), 2);
    Ok(())
}
