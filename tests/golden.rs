//! Golden files: the exact bytes of deliveries and of errors, with a fixed clock, fixed ids and fixed secrets.
//!
//! `UPDATE_GOLDEN=1 cargo test -p switchhook-tests golden` writes `tests/golden/deliveries` again. Review the
//! difference before you commit it.

use std::fmt::Write;
use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU8, Ordering};

use anyhow::{Context, Result};
use aws_sdk_dynamodb::Client as DynamoDb;
use clients::store::Store;
use domain::Ids;
use domain::time::{Clock, Timestamp};
use functions::dialects::DIALECTS;
use http::Method;
use local::aws;
use serde_json::{Value, json};

use crate::receiver::{Received, Receiver};
use crate::stack::{AGENT, Api, OTHER_AGENT, test_settings};

/// 2025-01-15T11:00:00.250Z
const NOW: Timestamp = Timestamp::from_millis(1_736_938_800_250);

/// A stack with a stopped clock, ids that count up, and secrets that are all the same.
async fn fixed() -> Result<Api> {
    let count = AtomicU8::new(0);
    let fill = move |bytes: &mut [u8]| match bytes.len() {
        // The number of a pack of events, and the random bytes of a UUID.
        8 | 10 => bytes.fill(count.fetch_add(1, Ordering::SeqCst)),
        _ => bytes.fill(0x5a),
    };
    Api::with_app(|app| {
        app.clock = Clock::from_fn(|| NOW);
        app.ids = Ids::from_fn(fill);
    })
    .await
}

/// A request as received, with its headers sorted, but without the receiver's address.
fn request_text(received: &Received) -> String {
    let mut text = format!("{} {} HTTP/1.1\n", received.method, received.path);
    let mut headers: Vec<(&str, &str)> =
        received.headers.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
    headers.sort_unstable();
    for (name, value) in headers {
        let value = if name == "host" { "your-server.com" } else { value };
        writeln!(text, "{name}: {value}").unwrap();
    }
    format!("{text}\n{}\n", std::str::from_utf8(&received.body).unwrap())
}

/// Compares the received requests with the golden files of these names.
fn compare_with_golden_files(received: &[Received], names: &[&str]) -> Result<()> {
    assert_eq!(received.len(), names.len());
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("golden/deliveries");
    #[allow(clippy::disallowed_methods, reason = "it is the test's own switch, and no setting of a function")]
    let update = std::env::var_os("UPDATE_GOLDEN").is_some();
    for (received, name) in received.iter().zip(names) {
        let (path, actual) = (folder.join(format!("{name}.http")), request_text(received));
        if update {
            fs::write(&path, &actual)?;
        }
        let expected = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        assert_eq!(actual, expected, "{name}");
        let own = received.headers.keys().map(http::HeaderName::as_str).filter(|header| {
            !["accept", "content-length", "content-type", "host", "user-agent", "x-route"].contains(header)
                && !header.starts_with("webhook-")
        });
        for header in own {
            let is_known =
                header == "authorization" || header == "x-hub-signature-256" || DIALECTS.is_reserved_header(header);
            assert!(is_known, "{header} has to be among its dialect's headers, so that no customer can choose it");
        }
    }
    Ok(())
}

/// Publishes events one after the other.
async fn publish(api: &Api, events: &[Value]) -> Result<()> {
    for event in events {
        api.publish(event).await?;
        api.idle().await?;
    }
    Ok(())
}

fn message(agent: &str) -> Value {
    json!({
        "type": "message.received", "agent_id": agent, "channel": "sms", "conversation_id": "conv_1",
        "occurred_at": "2025-01-15T10:59:59Z",
        "data": {
            "conversationId": "conv_1", "from": "+15550100001", "to": "+15550100002", "message": "Grüße 🦀",
            "mediaUrl": null, "direction": "inbound", "receivedAt": "2025-01-15T10:59:59Z", "messageId": "msg_001",
        },
    })
}

fn call(agent: &str) -> Value {
    json!({
        "type": "call.completed", "agent_id": agent, "channel": "voice", "conversation_id": "conv_1",
        "conversation_state": { "step": 2 },
        "data": { "callId": "call_1", "call": { "id": "call_1", "seconds": 61.5 }, "status": "completed" },
    })
}

#[tokio::test]
async fn agentlines_deliveries_match_their_golden_files() -> Result<()> {
    let (api, receiver) = (fixed().await?, Receiver::start(&[]).await?);
    let set = |fields: Value| {
        let mut body = json!({ "agent_id": AGENT, "url": receiver.url("/agentline") });
        body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        let client = &api;
        async move { client.post("/agentline/v1/webhooks", &body).await }
    };
    set(json!({})).await?;
    publish(&api, &[message(AGENT), call(AGENT)]).await?;
    let test = format!("/agentline/v1/webhooks/test?agent_id={AGENT}");
    api.send(Method::POST, &test, "").await?;
    api.idle().await?;
    set(json!({ "signature_header": "X-Hub-Signature-256", "secret": "a secret of my own" })).await?;
    publish(&api, &[call(AGENT)]).await?;
    compare_with_golden_files(
        &receiver.received(),
        &["agentline_sms", "agentline_call", "agentline_test", "agentline_hub_signature"],
    )
}

#[tokio::test]
async fn agentphones_deliveries_match_their_golden_files() -> Result<()> {
    let (api, receiver) = (fixed().await?, Receiver::start(&[]).await?);
    api.set_webhook(AGENT, &receiver.url("/agentphone")).await?;
    let reaction = json!({
        "type": "message.reaction", "agent_id": AGENT, "channel": "imessage",
        "data": { "messageId": "msg_001", "reactionType": "love" },
    });
    publish(&api, &[message(AGENT), call(AGENT), reaction]).await?;
    api.send(Method::POST, &format!("/agentphone/v1/agents/{AGENT}/webhook/test"), "").await?;
    let names = ["agentphone_message", "agentphone_call_ended", "agentphone_reaction", "agentphone_test"];
    compare_with_golden_files(&receiver.received(), &names)
}

#[tokio::test]
async fn talkovers_deliveries_match_their_golden_files() -> Result<()> {
    let (api, receiver) = (fixed().await?, Receiver::start(&[]).await?);
    let webhooks = format!("/talkover/api/v1/agents/{OTHER_AGENT}/webhooks");
    let body = json!({
        "name": "My Webhook", "webhook_url": receiver.url("/talkover"), "webhook_secret": "optional_secret_for_hmac",
        "events": ["event_phone_call_started", "event_phone_call_ended"],
    });
    let created = api.post(&webhooks, &body).await?;
    let webhook = format!("{webhooks}/{}", created.body["data"]["id"].as_str().context("an id")?);
    publish(&api, &[call(OTHER_AGENT)]).await?;
    api.send(Method::POST, &format!("{webhook}/test"), "").await?;
    let template = json!({ "call": "{{call.id}}", "text": "{{event}}: {{call.seconds}} s" });
    let changed = json!({
        "http_method": "PUT", "custom_headers": [{ "key": "X-Route", "value": "calls" }],
        "authorization_scheme": "bearer", "authorization_credentials": { "token": "t0ken" },
        "payload_templates": { "event_phone_call_ended": template },
    });
    assert_eq!(api.put(&webhook, &changed).await?.status, 200);
    publish(&api, &[call(OTHER_AGENT)]).await?;
    let plain =
        json!({ "name": "Plain", "webhook_url": receiver.url("/talkover"), "events": ["event_phone_call_ended"] });
    assert_eq!(api.delete(&webhook).await?.status, 200);
    assert_eq!(api.post(&webhooks, &plain).await?.status, 201);
    publish(&api, &[call(OTHER_AGENT)]).await?;
    let names = ["talkover_call_ended", "talkover_test", "talkover_template", "talkover_without_secret"];
    compare_with_golden_files(&receiver.received(), &names)
}

#[tokio::test]
async fn caseys_deliveries_match_their_golden_files() -> Result<()> {
    let (api, receiver) = (fixed().await?, Receiver::start(&[]).await?);
    api.post("/casey/v1/backend/webhooks", &json!({ "url": receiver.url("/casey") })).await?;
    let event = json!({
        "type": "conversation.completed", "agent_id": AGENT, "data": { "conversation_id": "conv_1", "turns": 7 },
    });
    publish(&api, &[event]).await?;
    api.send(Method::POST, "/casey/v1/backend/webhooks/test", "").await?;
    api.idle().await?;
    compare_with_golden_files(&receiver.received(), &["casey_conversation_completed", "casey_test"])
}

/// Requests, and the errors that they are answered with.
const ERRORS: &str = include_str!("golden/errors.json");

#[tokio::test]
async fn errors_match_their_golden_file() -> Result<()> {
    let api = Api::start().await?;
    // The store of this stack is unreachable.
    let nowhere = Store::new(DynamoDb::new(&aws::config("http://127.0.0.1:1").await), &test_settings()?);
    let broken = Api::with_app(|app| app.store = nowhere).await?;
    for case in serde_json::from_str::<Vec<Value>>(ERRORS)? {
        let text = |name: &str| case[name].as_str().unwrap_or_default();
        let method = Method::try_from(text("method"))?;
        let status = case["status"].as_u64().context("a status")?;
        let client = if status == 503 { &broken } else { &api };
        let client = case["key"].as_str().map_or_else(|| (**client).clone(), |key| client.with_key(key));
        let body = if status == 413 { " ".repeat(64 * 1024 + 1) } else { text("body").to_owned() };
        let answer = client.send(method, text("path"), body).await?;
        assert_eq!((u64::from(answer.status), &answer.body), (status, &case["answer"]), "{case}");
        assert_eq!(answer.body.to_string(), case["answer"].to_string(), "in this order");
    }
    Ok(())
}
