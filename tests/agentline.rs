//! AgentLine: the API of an agent's webhook, called as customers do.

use anyhow::Result;
use http::Method;
use serde_json::{Value, json};

use crate::receiver::{Receiver, Step};
use crate::stack::{AGENT, Api, OTHER_AGENT};

const WEBHOOKS: &str = "/agentline/v1/webhooks";
const OF_AGENT: &str = "/agentline/v1/webhooks?agent_id=agt_abc123";
const TEST: &str = "/agentline/v1/webhooks/test?agent_id=agt_abc123";

/// Request bodies that set a webhook, and the errors for them.
const BAD_WEBHOOKS: &str = include_str!("golden/agentline_bad_webhooks.json");

async fn set(api: &Api, body: Value) -> Result<Value> {
    let answer = api.post(WEBHOOKS, &body).await?;
    assert_eq!(answer.status, 200, "{}", answer.body);
    Ok(answer.body)
}

#[tokio::test]
async fn setting_a_webhook_shows_its_secret_once_and_masks_it_after() -> Result<()> {
    let api = Api::start().await?;
    let created = set(&api, json!({ "url": "https://a.example/hook", "agent_id": AGENT })).await?;
    let keys: Vec<&str> = created.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(keys, ["agent_id", "url", "secret", "signature_header", "created_at"]);
    assert_eq!((&created["agent_id"], &created["url"]), (&json!(AGENT), &json!("https://a.example/hook")));
    assert_eq!(created["signature_header"], "X-AgentLine-Signature");
    let secret = created["secret"].as_str().unwrap();
    let masked = format!("{}…{}", &secret[..10], &secret[secret.len() - 4..]);
    let mut listed = created.clone();
    listed["secret"] = json!(masked);
    for path in [WEBHOOKS, OF_AGENT] {
        let answer = api.get(path).await?;
        assert_eq!((answer.status, answer.body), (200, json!({ "webhooks": [listed], "count": 1 })), "{path}");
    }
    Ok(())
}

#[tokio::test]
async fn setting_a_webhook_again_keeps_the_secret_and_the_header_that_are_not_given() -> Result<()> {
    let api = Api::start().await?;
    let (url, header) = ("https://a.example", "X-Hub-Signature-256");
    let first =
        set(&api, json!({ "url": url, "agent_id": AGENT, "secret": "my own", "signature_header": header })).await?;
    assert_eq!((&first["secret"], &first["signature_header"]), (&json!("my own"), &json!(header)));
    let second = set(&api, json!({ "url": "https://b.example", "agent_id": AGENT, "secret": null })).await?;
    assert_eq!((&second["secret"], &second["signature_header"]), (&json!("my own"), &json!(header)));
    assert_eq!(second["url"], "https://b.example");
    let other = set(&api, json!({ "url": url, "agent_id": OTHER_AGENT })).await?;
    assert!(other["secret"].as_str().unwrap().starts_with("whsec_"));
    assert_eq!(api.get(WEBHOOKS).await?.body["count"], 2);
    Ok(())
}

#[tokio::test]
async fn deleting_a_webhook_ends_it() -> Result<()> {
    let api = Api::start().await?;
    set(&api, json!({ "url": "https://a.example", "agent_id": AGENT })).await?;
    let deleted = api.delete(OF_AGENT).await?;
    assert_eq!((deleted.status, deleted.body), (200, json!({ "deleted": true, "agent_id": AGENT })));
    for path in [WEBHOOKS, OF_AGENT] {
        assert_eq!(api.get(path).await?.body, json!({ "webhooks": [], "count": 0 }));
    }
    for answer in [api.delete(OF_AGENT).await?, api.send(Method::POST, TEST, "").await?] {
        assert_eq!((answer.status, answer.body), (404, json!({ "detail": "Webhook not found." })));
    }
    Ok(())
}

#[tokio::test]
async fn an_unknown_agent_is_not_found_and_an_agent_id_is_required() -> Result<()> {
    let api = Api::start().await?;
    let unknown = json!({ "url": "https://a.example", "agent_id": "agt_nobody" });
    for answer in [
        api.post(WEBHOOKS, &unknown).await?,
        api.post(WEBHOOKS, &json!({ "url": "https://a.example", "agent_id": "no agent#id" })).await?,
        api.get(&format!("{WEBHOOKS}?agent_id=agt_nobody")).await?,
        api.delete(&format!("{WEBHOOKS}?agent_id=agt_nobody")).await?,
        api.send(Method::POST, &format!("{WEBHOOKS}/test?agent_id=agt_nobody"), "").await?,
    ] {
        assert_eq!((answer.status, answer.body), (404, json!({ "detail": "Agent not found." })));
    }
    let missing = json!({ "type": "missing", "loc": ["query", "agent_id"], "msg": "Field required", "input": null });
    for answer in [api.delete(WEBHOOKS).await?, api.send(Method::POST, &format!("{WEBHOOKS}/test"), "").await?] {
        assert_eq!((answer.status, answer.body), (422, json!({ "detail": [missing] })));
    }
    Ok(())
}

#[tokio::test]
async fn a_bad_webhook_is_refused_as_fastapi_does_and_not_stored() -> Result<()> {
    let api = Api::start().await?;
    for case in serde_json::from_str::<Vec<Value>>(BAD_WEBHOOKS)? {
        let body = case["body"].as_str().unwrap().to_owned();
        let answer = api.send(Method::POST, WEBHOOKS, body.clone()).await?;
        assert_eq!((answer.status, answer.body), (422, json!({ "detail": case["detail"] })), "{body}");
    }
    assert_eq!(api.get(WEBHOOKS).await?.body["count"], 0, "nothing is stored");
    Ok(())
}

#[tokio::test]
async fn a_delivery_has_agentlines_payload_headers_and_signature() -> Result<()> {
    let (api, receiver) = (Api::start().await?, Receiver::start(&[]).await?);
    let webhook = set(&api, json!({ "url": receiver.url("/"), "agent_id": AGENT })).await?;
    let event = r#"{"type":"message.received","agent_id":"agt_abc123","occurred_at":"2025-01-15T11:00:00Z",
        "data":{"from":"+1","amount":1.10,"event_id":"theirs","agent_id":null}}"#;
    let published = api.send(Method::POST, "/v1/events", event).await?.body;
    let received = receiver.wait_for(1).await?.remove(0);
    let expected = json!({
        "from": "+1", "amount": 1.10, "event_id": published["id"], "agent_id": AGENT, "event_type": "sms.received",
        "event": "sms.received", "account_id": "demo", "created_at": "2025-01-15T11:00:00Z",
    });
    assert_eq!(received.json(), expected);
    assert!(std::str::from_utf8(&received.body)?.contains(r#""amount":1.10"#), "values keep their bytes");
    let secret = webhook["secret"].as_str().unwrap();
    assert_eq!(received.header("x-agentline-signature"), received.body_hmac(secret));
    assert!(received.verifies(secret));
    assert_eq!(received.header("x-agentline-event"), "sms.received");
    assert_eq!(received.header("x-webhook-signature"), "", "no other dialect's");
    Ok(())
}

#[tokio::test]
async fn the_customers_own_header_carries_the_signature() -> Result<()> {
    let (api, receiver) = (Api::start().await?, Receiver::start(&[]).await?);
    for (header, prefix) in [("X-My-Signature", ""), ("x-hub-signature-256", "sha256="), ("X-Webhook-Signature", "")] {
        let body = json!({ "url": receiver.url("/"), "agent_id": AGENT, "secret": "s", "signature_header": header });
        set(&api, body).await?;
        assert_eq!(api.send(Method::POST, TEST, "").await?.status, 200);
        api.idle().await?;
        let received = receiver.received().pop().unwrap();
        assert_eq!(received.header(header), format!("{prefix}{}", received.body_hmac("s")), "{header}");
        assert_eq!(received.header("x-agentline-signature"), "");
    }
    Ok(())
}

#[tokio::test]
async fn a_test_event_goes_through_the_pipeline_as_other_events_do() -> Result<()> {
    let (api, receiver) = (Api::start().await?, Receiver::start(&[Step::Status(500)]).await?);
    set(&api, json!({ "url": receiver.url("/hook"), "agent_id": AGENT })).await?;
    let sent = api.send(Method::POST, TEST, "").await?;
    let expected = json!({ "sent": true, "url": receiver.url("/hook"), "event_type": "webhook.test" });
    assert_eq!((sent.status, sent.body), (200, expected));
    let received = receiver.wait_for(2).await?;
    assert_eq!(received[0].json()["event"], "webhook.test");
    assert_eq!(received[0].header("webhook-id"), received[1].header("webhook-id"), "it is retried, too");
    let logged = api.delivery_with_status(AGENT, "success").await?;
    assert_eq!((&logged["eventType"], &logged["attemptCount"]), (&json!("webhook.test"), &json!(2)));
    Ok(())
}

#[tokio::test]
async fn agentline_and_agentphone_are_two_views_of_one_primary_webhook() -> Result<()> {
    let (api, receiver) = (Api::start().await?, Receiver::start(&[]).await?);
    let phone = "/agentphone/v1/agents/agt_abc123/webhook";
    let by_phone = api.set_webhook(AGENT, "https://phone.example").await?;
    assert_eq!(api.get(OF_AGENT).await?.body["webhooks"][0]["url"], "https://phone.example");
    let by_line = set(&api, json!({ "url": receiver.url("/"), "agent_id": AGENT })).await?;
    assert_eq!(by_line["secret"], by_phone["secret"], "left out, so it stays");
    let shown = api.get(phone).await?.body;
    assert_eq!((&shown["id"], &shown["url"]), (&by_phone["id"], &by_line["url"]));
    api.publish(&json!({ "type": "agent.call_ended", "agent_id": AGENT, "data": {} })).await?;
    api.idle().await?;
    let events: Vec<Value> = receiver.received().iter().map(|received| received.json()["event"].clone()).collect();
    assert_eq!(events, ["call.completed"], "once, in the words of the dialect that set it last");
    assert_eq!(api.delete(phone).await?.status, 200);
    assert_eq!(api.get(OF_AGENT).await?.body["count"], 0);
    Ok(())
}

#[tokio::test]
async fn a_projects_default_webhook_is_not_shown_as_an_agents_webhook() -> Result<()> {
    let api = Api::start().await?;
    api.post("/agentphone/v1/webhooks", &json!({ "url": "https://default.example" })).await?;
    assert_eq!(api.get(WEBHOOKS).await?.body, json!({ "webhooks": [], "count": 0 }));
    Ok(())
}
