//! Casey: the API of a project's webhook endpoints, called as customers do.

use anyhow::Result;
use http::Method;
use local::demo::LIVE_KEY;
use serde_json::{Value, json};

use crate::receiver::{Receiver, Step};
use crate::stack::{AGENT, Api};

const WEBHOOKS: &str = "/casey/v1/backend/webhooks";

/// Request bodies that create an endpoint, and the error message for each.
const BAD_WEBHOOKS: &str = include_str!("golden/casey_bad_webhooks.json");

async fn create(api: &Api, body: Value) -> Result<Value> {
    let answer = api.post(WEBHOOKS, &body).await?;
    assert_eq!(answer.status, 201, "{}", answer.body);
    Ok(answer.body["data"].clone())
}

fn path(endpoint: &Value) -> String {
    format!("{WEBHOOKS}/{}", endpoint["id"].as_str().unwrap())
}

fn not_found() -> Value {
    json!({ "error": { "code": "not_found", "message": "Webhook endpoint not found" } })
}

#[tokio::test]
async fn an_endpoint_is_created_listed_shown_and_deleted() -> Result<()> {
    let api = Api::start().await?;
    let created = create(&api, json!({ "url": "http://example.com" })).await?;
    let keys: Vec<&str> = created.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(keys, ["id", "url", "description", "event_types", "enabled", "created_at", "secret"]);
    assert_eq!((&created["url"], &created["description"]), (&json!("http://example.com"), &json!("")));
    assert_eq!((&created["event_types"], &created["enabled"]), (&json!(["conversation.completed"]), &json!(true)));
    let second =
        json!({ "url": "https://b.example", "description": "Second", "event_types": ["a", "conversation.started"] });
    let second = create(&api, second).await?;
    assert_eq!((&second["description"], &second["event_types"][1]), (&json!("Second"), &json!("conversation.started")));

    let without_secret = |endpoint: &Value| {
        let mut shown = endpoint.clone();
        shown.as_object_mut().unwrap().shift_remove("secret");
        shown
    };
    let listed = api.get(WEBHOOKS).await?;
    let expected = json!({ "data": [without_secret(&created), without_secret(&second)] });
    assert_eq!((listed.status, listed.body), (200, expected));
    let shown = api.get(&path(&second)).await?;
    assert_eq!((shown.status, shown.body), (200, json!({ "data": without_secret(&second) })));
    let secret = api.get(&format!("{}/secret", path(&second))).await?;
    assert_eq!((secret.status, secret.body), (200, json!({ "data": { "secret": second["secret"] } })));

    let deleted = api.delete(&path(&second)).await?;
    assert_eq!((deleted.status, deleted.body), (204, Value::Null));
    assert_eq!(api.get(WEBHOOKS).await?.body["data"].as_array().unwrap().len(), 1);
    for answer in [api.get(&path(&second)).await?, api.delete(&path(&second)).await?] {
        assert_eq!((answer.status, answer.body), (404, not_found()));
    }
    Ok(())
}

#[tokio::test]
async fn a_bad_endpoint_is_refused_and_not_stored() -> Result<()> {
    let api = Api::start().await?;
    for case in serde_json::from_str::<Vec<Value>>(BAD_WEBHOOKS)? {
        let body = case["body"].as_str().unwrap().to_owned();
        let answer = api.send(Method::POST, WEBHOOKS, body.clone()).await?;
        let error = json!({ "error": { "code": "invalid_request", "message": case["message"] } });
        assert_eq!((answer.status, answer.body), (400, error), "{body}");
    }
    assert_eq!(api.get(WEBHOOKS).await?.body, json!({ "data": [] }), "nothing is stored");
    Ok(())
}

#[tokio::test]
async fn an_operator_may_allow_another_number_of_endpoints() -> Result<()> {
    let api = Api::with(&[("WEBHOOKS_MAX", "2")]).await?;
    let endpoints = [
        create(&api, json!({ "url": "https://a.example" })).await?,
        create(&api, json!({ "url": "https://b.example" })).await?,
    ];
    assert_eq!(api.post(WEBHOOKS, &json!({ "url": "https://c.example" })).await?.status, 400);
    assert_eq!(api.delete(&path(&endpoints[0])).await?.status, 204);
    create(&api, json!({ "url": "https://c.example" })).await?;
    Ok(())
}

#[tokio::test]
async fn a_project_has_at_most_fifty_endpoints() -> Result<()> {
    let api = Api::start().await?;
    for _ in 0..50 {
        create(&api, json!({ "url": "https://a.example" })).await?;
    }
    let refused = api.post(WEBHOOKS, &json!({ "url": "https://a.example" })).await?;
    let message = "there are 50 endpoints, and no more may be added";
    let error = json!({ "error": { "code": "invalid_request", "message": message } });
    assert_eq!((refused.status, refused.body), (400, error));
    assert_eq!(api.get(WEBHOOKS).await?.body["data"].as_array().unwrap().len(), 50);
    Ok(())
}

#[tokio::test]
async fn an_unknown_id_and_an_id_of_another_project_or_environment_are_not_found() -> Result<()> {
    let api = Api::start().await?;
    let endpoint = create(&api, json!({ "url": "https://a.example" })).await?;
    let (other, live) = (api.project("other").await?, api.with_key(LIVE_KEY));
    for client in [&other, &live] {
        for answer in [
            client.get(&path(&endpoint)).await?,
            client.get(&format!("{}/secret", path(&endpoint))).await?,
            client.delete(&path(&endpoint)).await?,
        ] {
            assert_eq!((answer.status, answer.body), (404, not_found()));
        }
        assert_eq!(client.get(WEBHOOKS).await?.body, json!({ "data": [] }));
    }
    for id in ["wh_0", "%23", "a%2Fb", &"x".repeat(3000)] {
        assert_eq!(api.get(&format!("{WEBHOOKS}/{id}")).await?.status, 404, "{id}");
    }
    assert_eq!(api.get(&path(&endpoint)).await?.status, 200);
    Ok(())
}

#[tokio::test]
async fn a_delivery_has_caseys_payload_and_headers() -> Result<()> {
    let (api, receiver) = (Api::start().await?, Receiver::start(&[]).await?);
    let endpoint = create(&api, json!({ "url": receiver.url("/") })).await?;
    let event = json!({
        "type": "conversation.completed", "agent_id": AGENT, "occurred_at": "2025-01-15T11:00:00Z", "data": { "id": "c" },
    });
    let id = api.publish(&event).await?;
    let received = receiver.wait_for(1).await?.remove(0);
    let expected = json!({
        "event_type": "conversation.completed", "event_id": id, "timestamp": "2025-01-15T11:00:00Z",
        "organization_id": "demo", "data": { "id": "c" },
    });
    assert_eq!(received.json(), expected);
    assert!(received.verifies(endpoint["secret"].as_str().unwrap()));
    for name in ["id", "timestamp", "signature"] {
        let value = received.header(&format!("svix-{name}"));
        assert!(!value.is_empty());
        assert_eq!(value, received.header(&format!("webhook-{name}")));
    }
    Ok(())
}

#[tokio::test]
async fn endpoints_get_their_event_types_in_addition_to_the_primary_webhook() -> Result<()> {
    let api = Api::start().await?;
    let (primary, started, all) =
        (Receiver::start(&[]).await?, Receiver::start(&[]).await?, Receiver::start(&[]).await?);
    api.set_webhook(AGENT, &primary.url("/")).await?;
    create(&api, json!({ "url": started.url("/"), "event_types": ["conversation.started"] })).await?;
    let both = json!(["conversation.started", "conversation.completed"]);
    create(&api, json!({ "url": all.url("/"), "event_types": both })).await?;
    for kind in ["conversation.started", "conversation.completed", "conversation.abandoned"] {
        api.publish(&json!({ "type": kind, "agent_id": AGENT, "data": {} })).await?;
    }
    api.publish(&json!({ "type": "conversation.started", "data": {} })).await?;
    api.idle().await?;
    let count = |receiver: &Receiver| receiver.received().len();
    assert_eq!((count(&primary), count(&started), count(&all)), (3, 2, 3));
    Ok(())
}

#[tokio::test]
async fn a_test_reaches_every_endpoint_and_nobody_else() -> Result<()> {
    let api = Api::start().await?;
    let (default, failing) = (Receiver::start(&[]).await?, Receiver::start(&[Step::Status(500)]).await?);
    let receiver = Receiver::start(&[]).await?;
    api.post("/agentphone/v1/webhooks", &json!({ "url": default.url("/") })).await?;
    for url in [receiver.url("/1"), receiver.url("/2"), failing.url("/")] {
        create(&api, json!({ "url": url })).await?;
    }
    let sent = api.send(Method::POST, &format!("{WEBHOOKS}/test"), "").await?;
    assert_eq!((sent.status, &sent.body["data"]["success"]), (200, &json!(true)));
    api.idle().await?;
    assert_eq!((default.received().len(), receiver.received().len(), failing.received().len()), (0, 2, 2));
    for received in receiver.received() {
        let payload = received.json();
        assert_eq!(
            (&payload["event_type"], &payload["event_id"]),
            (&json!("test.event"), &sent.body["data"]["message_id"])
        );
    }
    Ok(())
}
