//! The parts of a conversation that an AgentPhone delivery repeats: `recentHistory` and `conversationState`.

use anyhow::Result;
use http::Method;
use local::demo::LIVE_KEY;
use serde_json::{Value, json};

use crate::receiver::{Received, Receiver};
use crate::stack::{AGENT, Api, Client, OTHER_AGENT};

/// Sets the project's default webhook.
async fn set_default(client: &Client, receiver: &Receiver, context_limit: Value) -> Result<()> {
    let body = json!({ "url": receiver.url("/"), "contextLimit": context_limit });
    assert_eq!(client.post("/agentphone/v1/webhooks", &body).await?.status, 200);
    Ok(())
}

fn message(text: &str) -> Value {
    json!({
        "type": "message.received", "agent_id": AGENT, "channel": "sms", "conversation_id": "conv#1",
        "data": { "message": text, "direction": "inbound" },
    })
}

/// `event` with `fields` in place of its own.
fn with(event: Value, fields: Value) -> Value {
    let mut event = event;
    event.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    event
}

/// The body of the delivery whose data has `text` as its `message`.
fn payload_with(receiver: &Receiver, text: &str) -> Value {
    let payloads: Vec<Value> = receiver.received().iter().map(Received::json).collect();
    payloads.into_iter().find(|payload| payload["data"]["message"] == text).unwrap()
}

/// The texts in a payload's `recentHistory`.
fn history(payload: &Value) -> Vec<&str> {
    payload["recentHistory"].as_array().unwrap().iter().map(|item| item["content"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_message_comes_with_those_before_it_oldest_first() -> Result<()> {
    let (api, receiver) = (Api::start().await?, Receiver::start(&[]).await?);
    set_default(&api, &receiver, json!(2)).await?;
    api.publish(&with(message("1"), json!({ "occurred_at": "2025-01-15T12:00:01+01:00" }))).await?;
    let spoken = json!({ "transcript": "2", "direction": "outbound" });
    api.publish(&with(message(""), json!({ "channel": "voice", "type": "agent.message", "data": spoken }))).await?;
    api.publish(&with(message("elsewhere"), json!({ "conversation_id": "conv#2" }))).await?;
    api.publish(&with(message("another agent's"), json!({ "agent_id": OTHER_AGENT }))).await?;
    api.publish(&with(message("of no conversation"), json!({ "conversation_id": null }))).await?;
    api.publish(&message("3")).await?;
    api.publish(&with(message("end"), json!({ "type": "call.completed" }))).await?;
    api.publish(&message("4")).await?;
    api.idle().await?;
    assert_eq!(history(&payload_with(&receiver, "1")), [] as [&str; 0]);
    let third = payload_with(&receiver, "3");
    assert_eq!(history(&third), ["1", "2"]);
    let first = json!({ "content": "1", "direction": "inbound", "channel": "sms", "at": "2025-01-15T11:00:01Z" });
    assert_eq!(third["recentHistory"][0], first);
    let second = &third["recentHistory"][1];
    assert_eq!((&second["direction"], &second["channel"]), (&json!("outbound"), &json!("voice")));
    assert_eq!(
        history(&payload_with(&receiver, "end")),
        ["2", "3"],
        "an event of another type repeats messages, and is not a message"
    );
    assert_eq!(history(&payload_with(&receiver, "4")), ["2", "3"]);
    for text in ["elsewhere", "another agent's", "of no conversation"] {
        assert_eq!(history(&payload_with(&receiver, text)), [] as [&str; 0], "{text}");
    }
    Ok(())
}

#[tokio::test]
async fn messages_of_one_batch_keep_its_order_from_http_and_from_the_queue() -> Result<()> {
    let (api, receiver) = (Api::start().await?, Receiver::start(&[]).await?);
    set_default(&api, &receiver, json!(50)).await?;
    let texts: Vec<String> = (0..60).map(|n| n.to_string()).collect();
    let events: Vec<Value> = texts.iter().map(|text| message(text)).collect();
    assert_eq!(api.post("/v1/events", &json!({ "events": events })).await?.status, 202);
    api.idle().await?;
    for (index, text) in texts.iter().enumerate() {
        assert_eq!(history(&payload_with(&receiver, text)), texts[index.saturating_sub(50)..index], "{text}");
    }
    let events: Vec<Value> =
        ["a", "b", "c"].map(|text| with(message(text), json!({ "conversation_id": "queued" }))).to_vec();
    let queued = json!({ "v": 1, "scope": { "project": "demo", "environment": "test" }, "events": events });
    api.enqueue("EventsQueue", &queued.to_string()).await?;
    receiver.wait_for(63).await?;
    assert_eq!(history(&payload_with(&receiver, "c")), ["a", "b"]);
    Ok(())
}

#[tokio::test]
async fn a_context_limit_of_zero_repeats_no_message() -> Result<()> {
    let (api, receiver) = (Api::start().await?, Receiver::start(&[]).await?);
    set_default(&api, &receiver, json!(0)).await?;
    api.publish(&with(message("1"), json!({ "conversation_state": { "step": 1 } }))).await?;
    api.publish(&message("2")).await?;
    api.idle().await?;
    let second = payload_with(&receiver, "2");
    assert_eq!((&second["recentHistory"], &second["conversationState"]), (&json!([]), &json!({ "step": 1 })));
    Ok(())
}

#[tokio::test]
async fn the_state_is_the_one_last_published_for_the_conversation() -> Result<()> {
    let (api, receiver) = (Api::start().await?, Receiver::start(&[]).await?);
    set_default(&api, &receiver, Value::Null).await?;
    let state = |step: u8| json!({ "conversation_state": { "step": step } });
    api.publish(&message("1")).await?;
    api.publish(&with(message("2"), state(2))).await?;
    api.publish(&message("3")).await?;
    api.publish(&with(message("4"), with(state(4), json!({ "type": "call.completed" })))).await?;
    api.publish(&message("5")).await?;
    api.publish(&with(message("6"), json!({ "conversation_id": "conv#2" }))).await?;
    api.idle().await?;
    let states =
        ["1", "2", "3", "4", "5", "6"].map(|text| payload_with(&receiver, text)["conversationState"]["step"].clone());
    assert_eq!(states, [json!(null), json!(2), json!(2), json!(4), json!(4), json!(null)]);
    Ok(())
}

#[tokio::test]
async fn recent_history_and_conversation_state_have_size_limits() -> Result<()> {
    let (api, receiver) = (Api::start().await?, Receiver::start(&[]).await?);
    set_default(&api, &receiver, json!(50)).await?;
    let long = |n: usize| format!("{n:02}{}", "\u{1}".repeat(6000));
    let channel = json!({ "channel": "\u{1}".repeat(256) });
    let events: Vec<Value> = (0..30).map(|n| with(message(&long(n)), channel.clone())).collect();
    for event in &events {
        api.publish(event).await?;
    }
    let large = with(message("large"), json!({ "conversation_state": { "x": "x".repeat(32 * 1024 - 8) } }));
    api.publish(&large).await?;
    let too_large = with(message("large"), json!({ "conversation_state": { "x": "x".repeat(32 * 1024 - 7) } }));
    let refused = api.post("/v1/events", &too_large).await?;
    assert_eq!((refused.status, &refused.body["error"]["details"][0]["field"]), (422, &json!("conversation_state")));
    api.publish(&with(message("x"), json!({ "data": { "message": "x", "pad": "x".repeat(256 * 1024 - 200) } })))
        .await?;
    api.idle().await?;
    let payload = payload_with(&receiver, "x");
    let texts = history(&payload);
    assert_eq!(texts.last(), Some(&"large"), "the latest are kept");
    assert!((10..20).contains(&texts.len()), "{}", texts.len());
    assert_eq!(texts[0].chars().count(), 2 + (4096 - 2) / 6);
    let body = receiver.received().iter().map(|received| received.body.len()).max().unwrap();
    assert!(body < 360 * 1024, "{body} bytes fit into an item of the log");
    Ok(())
}

#[tokio::test]
async fn a_conversation_of_one_environment_is_not_visible_to_the_other() -> Result<()> {
    let (api, receiver) = (Api::start().await?, Receiver::start(&[]).await?);
    let live = api.with_key(LIVE_KEY);
    set_default(&live, &receiver, Value::Null).await?;
    api.publish(&with(message("test"), json!({ "conversation_state": { "of": "test" } }))).await?;
    api.idle().await?;
    assert_eq!(live.send(Method::POST, "/v1/events", message("live").to_string()).await?.status, 202);
    api.idle().await?;
    let live = payload_with(&receiver, "live");
    assert_eq!((&live["recentHistory"], &live["conversationState"]), (&json!([]), &Value::Null));
    Ok(())
}
