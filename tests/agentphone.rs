//! AgentPhone: the API of the agent's webhook and of the project's default, called as customers do.

use anyhow::Result;
use http::Method;
use serde_json::{Value, json};

use crate::receiver::{Receiver, Step};
use crate::stack::{AGENT, Api, OTHER_AGENT};

const WEBHOOK: &str = "/agentphone/v1/agents/agt_abc123/webhook";
const DEFAULT: &str = "/agentphone/v1/webhooks";

fn field_names(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

#[tokio::test]
async fn setting_a_webhook_shows_it_with_its_secret() -> Result<()> {
    let api = Api::start().await?;
    for path in [WEBHOOK, DEFAULT] {
        let body = json!({ "url": "https://your-server.com/agent-webhook", "contextLimit": 5, "timeout": 12 });
        let set = api.post(path, &body).await?;
        assert_eq!(set.status, 200, "{path}");
        assert_eq!(field_names(&set.body), ["id", "url", "secret", "status", "contextLimit", "timeout", "createdAt"]);
        assert_eq!(set.body["url"], "https://your-server.com/agent-webhook");
        assert_eq!(set.body["status"], "active");
        assert_eq!((&set.body["contextLimit"], &set.body["timeout"]), (&json!(5), &json!(12)));
        assert!(set.body["id"].as_str().unwrap().starts_with("wh_"));
        assert!(set.body["secret"].as_str().unwrap().starts_with("whsec_"));
        assert_eq!(set.body["createdAt"].as_str().unwrap().len(), "2025-01-15T11:00:00Z".len());
        assert_eq!(api.get(path).await?, set, "{path}");
    }
    Ok(())
}

#[tokio::test]
async fn setting_a_webhook_again_keeps_its_id_makes_a_new_secret_and_takes_defaults() -> Result<()> {
    let api = Api::start().await?;
    let first =
        api.post(WEBHOOK, &json!({ "url": "https://a.example", "contextLimit": 0, "timeout": 120 })).await?.body;
    let second = api.post(WEBHOOK, &json!({ "url": "https://b.example", "contextLimit": null })).await?.body;
    assert_eq!(second["id"], first["id"]);
    assert_ne!(second["secret"], first["secret"]);
    assert_eq!(
        (&second["url"], &second["contextLimit"], &second["timeout"]),
        (&json!("https://b.example"), &json!(10), &json!(30))
    );
    Ok(())
}

#[tokio::test]
async fn a_webhook_that_is_not_set_is_null_and_cannot_be_deleted_or_tested() -> Result<()> {
    let api = Api::start().await?;
    for path in [WEBHOOK, DEFAULT] {
        let get = api.get(path).await?;
        assert_eq!((get.status, get.body), (200, Value::Null));
        for answer in [api.delete(path).await?, api.send(Method::POST, &format!("{path}/test"), "").await?] {
            assert_eq!((answer.status, answer.body), (404, json!({ "detail": "Webhook not found." })), "{path}");
        }
    }
    assert_eq!(api.deliveries(AGENT).await?, [] as [Value; 0]);
    Ok(())
}

#[tokio::test]
async fn deleting_a_webhook_ends_it() -> Result<()> {
    let api = Api::start().await?;
    for path in [WEBHOOK, DEFAULT] {
        let id = api.post(path, &json!({ "url": "https://a.example" })).await?.body["id"].clone();
        let deleted = api.delete(path).await?;
        assert_eq!((deleted.status, deleted.body), (200, json!({ "success": true })));
        assert_eq!(api.get(path).await?.body, Value::Null);
        assert_eq!(api.delete(path).await?.status, 404);
        assert_ne!(api.post(path, &json!({ "url": "https://a.example" })).await?.body["id"], id, "a new one");
    }
    Ok(())
}

#[tokio::test]
async fn a_delivery_has_agentphones_payload_headers_and_signature() -> Result<()> {
    let (api, receiver) = (Api::start().await?, Receiver::start(&[]).await?);
    let webhook = api.set_webhook(AGENT, &receiver.url("/hook?a=b")).await?;
    let data =
        json!({ "conversationId": "conv_1", "from": "+15550100001", "message": "Grüße", "messageId": "msg_001" });
    let event = json!({
        "type": "message.received", "agent_id": AGENT, "channel": "sms", "data": data,
        "occurred_at": "2025-01-15T11:59:59+01:00", "conversation_state": { "step": 2 },
    });
    api.publish(&event).await?;
    let received = receiver.wait_for(1).await?.remove(0);
    assert_eq!((received.method.as_str(), received.path.as_str()), ("POST", "/hook?a=b"));
    let expected = json!({
        "event": "agent.message", "channel": "sms", "timestamp": "2025-01-15T10:59:59Z", "agentId": AGENT, "data": data,
        "conversationState": { "step": 2 }, "recentHistory": [],
    });
    assert_eq!(received.json(), expected);
    let secret = webhook["secret"].as_str().unwrap();
    assert!(received.agentphone_verifies(secret) && received.verifies(secret));
    assert!(!received.verifies("whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"));
    let logged = api.delivery_with_status(AGENT, "success").await?;
    assert_eq!(received.header("x-webhook-id"), logged["id"].as_str().unwrap());
    assert_eq!(received.header("webhook-id"), received.header("x-webhook-id"));
    assert_eq!(received.header("webhook-timestamp"), received.header("x-webhook-timestamp"));
    assert_eq!(received.header("x-webhook-event"), "agent.message");
    assert_eq!(received.header("content-type"), "application/json");
    assert!(received.header("user-agent").starts_with("Switchhook/"));
    assert_eq!(logged["messageId"], "msg_001");
    Ok(())
}

#[tokio::test]
async fn the_log_has_the_documented_fields_and_is_newest_first() -> Result<()> {
    let answered = Step::Full(200, vec![], "thanks".to_owned());
    let (api, receiver) = (Api::start().await?, Receiver::start(&[answered]).await?);
    api.set_webhook(AGENT, &receiver.url("/")).await?;
    api.publish(&json!({ "type": "agent.call_ended", "agent_id": AGENT, "data": {} })).await?;
    let first = api.delivery_with_status(AGENT, "success").await?;
    assert_eq!(
        field_names(&first),
        [
            "id",
            "messageId",
            "eventType",
            "channel",
            "status",
            "httpStatus",
            "errorMessage",
            "responseBody",
            "attemptCount",
            "lastAttemptAt",
            "nextRetryAt",
            "createdAt",
        ]
    );
    assert_eq!(
        (&first["eventType"], &first["httpStatus"], &first["attemptCount"]),
        (&json!("agent.call_ended"), &json!(200), &json!(1))
    );
    assert_eq!(
        (&first["responseBody"], &first["errorMessage"], &first["channel"]),
        (&json!("thanks"), &Value::Null, &Value::Null)
    );
    for kind in ["call.failed", "invoice.paid"] {
        api.publish(&json!({ "type": kind, "agent_id": AGENT, "data": {} })).await?;
        receiver.wait_for(if kind == "call.failed" { 2 } else { 3 }).await?;
    }
    api.idle().await?;
    let types: Vec<Value> =
        api.deliveries(AGENT).await?.into_iter().map(|delivery| delivery["eventType"].clone()).collect();
    assert_eq!(types, ["invoice.paid", "call.failed", "agent.call_ended"]);
    let two = api.get(&format!("{WEBHOOK}/deliveries?limit=2")).await?;
    assert_eq!(two.body.as_array().unwrap().len(), 2);
    Ok(())
}

#[tokio::test]
async fn a_test_call_sends_at_once_and_answers_with_the_outcome() -> Result<()> {
    let steps = [Step::Status(204), Step::Status(503), Step::Status(200)];
    let (api, receiver) = (Api::start().await?, Receiver::start(&steps).await?);
    let secret = api.set_webhook(AGENT, &receiver.url("/")).await?["secret"].as_str().unwrap().to_owned();
    let test = format!("{WEBHOOK}/test");
    let answer = api.send(Method::POST, &test, "").await?;
    assert_eq!(
        (answer.status, answer.body),
        (200, json!({ "success": true, "httpStatus": 204, "errorMessage": null }))
    );
    let answer = api.post(&test, &json!({})).await?;
    let failed = json!({ "success": false, "httpStatus": 503, "errorMessage": "The endpoint answered 503." });
    assert_eq!((answer.status, answer.body), (200, failed));
    let received = receiver.received().remove(0);
    assert!(received.agentphone_verifies(&secret) && received.verifies(&secret));
    assert_eq!((&received.json()["event"], &received.json()["test"]), (&json!("agent.message"), &json!(true)));
    assert_eq!(received.json()["agentId"], AGENT);
    assert_eq!(api.deliveries(AGENT).await?.len(), 0, "a test call is not a delivery");

    api.post(DEFAULT, &json!({ "url": receiver.url("/default") })).await?;
    let message = json!({ "from": "+1", "to": "+2", "message": "Hi", "channel": "imessage" });
    assert_eq!(api.post(&format!("{DEFAULT}/test?agentId={OTHER_AGENT}"), &message).await?.body["success"], true);
    for unknown in ["agt_x", "a%20b", ""] {
        assert_eq!(api.post(&format!("{DEFAULT}/test?agentId={unknown}"), &message).await?.status, 404, "{unknown}");
    }
    let payload = receiver.received().remove(2).json();
    assert_eq!((&payload["agentId"], &payload["channel"]), (&json!(OTHER_AGENT), &json!("imessage")));
    assert_eq!(
        (&payload["data"]["from"], &payload["data"]["to"], &payload["data"]["message"]),
        (&json!("+1"), &json!("+2"), &json!("Hi"))
    );
    Ok(())
}
