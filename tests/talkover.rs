//! Talkover: the API of an agent's webhooks, called as customers do.

use anyhow::Result;
use futures::future::join_all;
use http::Method;
use local::demo::LIVE_KEY;
use serde_json::{Value, json};

use crate::receiver::{Received, Receiver, Step};
use crate::stack::{Api, OTHER_AGENT};

const WEBHOOKS: &str = "/talkover/api/v1/agents/9fbef0b7-8d4e-4a08-9207-66c22155721d/webhooks";

/// Request bodies that create a webhook, and the errors for each: sentences of Laravel 12, and those that Talkover
/// documents.
const BAD_WEBHOOKS: &str = include_str!("golden/talkover_bad_webhooks.json");

/// The body of Talkover's documented example.
fn example() -> Value {
    json!({
        "name": "My Webhook",
        "webhook_url": "https://example.com/webhook",
        "webhook_secret": "optional_secret_for_hmac",
        "events": ["event_phone_call_started", "event_phone_call_ended"],
        "timeout": 30,
        "max_retries": 3,
        "enabled": true
    })
}

/// The example with `fields` in place of its own.
fn with(fields: Value) -> Value {
    let mut body = example();
    body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    body
}

async fn create(api: &Api, fields: Value) -> Result<Value> {
    let answer = api.post(WEBHOOKS, &with(fields)).await?;
    assert_eq!(answer.status, 201, "{}", answer.body);
    Ok(answer.body["data"].clone())
}

fn path(webhook: &Value) -> String {
    format!("{WEBHOOKS}/{}", webhook["id"].as_str().unwrap())
}

fn not_found(message: &str) -> Value {
    json!({ "success": false, "message": message })
}

#[tokio::test]
async fn the_documented_example_is_answered_as_documented() -> Result<()> {
    let api = Api::start().await?;
    let created = api.post(WEBHOOKS, &example()).await?;
    assert_eq!(created.status, 201);
    let mut data = created.body["data"].clone();
    for time in ["created_at", "updated_at"] {
        let text = data[time].as_str().unwrap().to_owned();
        assert_eq!((text.len(), &text[19..]), (27, ".000000Z"), "{text}");
        data[time] = json!("2025-09-03T23:19:51.000000Z");
    }
    let id = data["id"].as_str().unwrap().to_owned();
    assert_eq!((id.len(), id.split('-').map(str::len).collect::<Vec<_>>()), (36, vec![8, 4, 4, 4, 12]));
    data["id"] = json!("9fcafbf2-7593-44d6-8cd7-1b221beba62a");
    let documented = r#"{"id":"9fcafbf2-7593-44d6-8cd7-1b221beba62a","agent_id":"9fbef0b7-8d4e-4a08-9207-66c22155721d","name":"My Webhook","webhook_url":"https://example.com/webhook","events":["event_phone_call_started","event_phone_call_ended"],"timeout":30,"max_retries":3,"enabled":true,"created_at":"2025-09-03T23:19:51.000000Z","updated_at":"2025-09-03T23:19:51.000000Z","events_count":2,"status":"active"}"#;
    assert_eq!(data.to_string(), documented, "in the documented order, too");
    assert_eq!(
        (&created.body["success"], &created.body["message"]),
        (&json!(true), &json!("Webhook created successfully"))
    );
    Ok(())
}

#[tokio::test]
async fn a_webhook_is_listed_shown_and_deleted() -> Result<()> {
    let api = Api::start().await?;
    let (first, second) = (create(&api, json!({})).await?, create(&api, json!({ "name": "Second" })).await?);
    let listed = api.get(WEBHOOKS).await?;
    assert_eq!((listed.status, &listed.body["success"]), (200, &json!(true)));
    assert_eq!(listed.body["data"]["webhooks"], json!([first, second]));
    let available = listed.body["data"]["available_events"].as_object().unwrap();
    assert_eq!(available.len(), 20);
    assert!(available.iter().all(|(name, text)| name.starts_with("event_") && text.as_str().unwrap().ends_with('.')));
    let shown = api.get(&path(&first)).await?;
    assert_eq!((shown.status, shown.body), (200, json!({ "success": true, "data": first })));
    let deleted = api.delete(&path(&first)).await?;
    let message = json!({ "success": true, "message": "Webhook deleted successfully" });
    assert_eq!((deleted.status, deleted.body), (200, message));
    assert_eq!(api.get(&path(&first)).await?.body, not_found("Webhook not found."));
    assert_eq!(api.get(WEBHOOKS).await?.body["data"]["webhooks"], json!([second]));
    Ok(())
}

#[tokio::test]
async fn a_new_webhook_has_the_documented_defaults() -> Result<()> {
    let api = Api::start().await?;
    let body = json!({ "name": "A", "webhook_url": "https://a.example", "events": ["event_action", "event_action"] });
    let data = api.post(WEBHOOKS, &body).await?.body["data"].clone();
    assert_eq!((&data["timeout"], &data["max_retries"], &data["enabled"]), (&json!(30), &json!(3), &json!(true)));
    assert_eq!((&data["events"], &data["events_count"]), (&json!(["event_action"]), &json!(1)), "each event once");
    let lax =
        with(json!({ "timeout": "60", "max_retries": 0.0, "enabled": "0", "webhook_secret": "", "colour": "red" }));
    let data = api.post(WEBHOOKS, &lax).await?.body["data"].clone();
    assert_eq!((&data["timeout"], &data["max_retries"], &data["enabled"]), (&json!(60), &json!(0), &json!(false)));
    assert_eq!(data["status"], "disabled");
    Ok(())
}

#[tokio::test]
async fn an_update_changes_the_fields_that_are_given_and_no_others() -> Result<()> {
    let api = Api::start().await?;
    let before =
        create(&api, json!({ "http_method": "PUT", "custom_headers": [{ "key": "X-A", "value": "1" }] })).await?;
    let updated = api.put(&path(&before), &json!({ "name": "Renamed", "timeout": 5 })).await?;
    assert_eq!((updated.status, &updated.body["message"]), (200, &json!("Webhook updated successfully")));
    let mut expected = before.clone();
    expected["name"] = json!("Renamed");
    expected["timeout"] = json!(5);
    let mut data = updated.body["data"].clone();
    data["updated_at"] = before["updated_at"].clone();
    assert_eq!(data, expected);
    let cleared =
        api.put(&path(&before), &json!({ "http_method": null, "custom_headers": null, "timeout": null })).await?;
    let data = &cleared.body["data"];
    assert_eq!((data.get("http_method"), data.get("custom_headers"), &data["timeout"]), (None, None, &json!(30)));

    for (body, errors) in [
        (json!({ "name": null }), json!({ "name": ["The name field is required."] })),
        (json!({ "events": [] }), json!({ "events": ["The events field must contain at least 1 items."] })),
        (
            json!({ "authorization_scheme": "basic" }),
            json!({
                "authorization_credentials.username": ["The authorization credentials.username field is required."],
                "authorization_credentials.password": ["The authorization credentials.password field is required."],
            }),
        ),
    ] {
        let refused = api.put(&path(&before), &body).await?;
        assert_eq!((refused.status, &refused.body["errors"]), (422, &errors));
    }
    assert_eq!(api.get(&path(&before)).await?.body["data"]["name"], "Renamed", "nothing is changed");
    let bearer = json!({ "authorization_scheme": "bearer", "authorization_credentials": { "token": "t" } });
    assert_eq!(api.put(&path(&before), &bearer).await?.status, 200);
    assert_eq!(api.put(&path(&before), &json!({ "authorization_credentials": null })).await?.status, 422);
    assert_eq!(api.put(&path(&before), &json!({})).await?.status, 200);
    Ok(())
}

#[tokio::test]
async fn a_toggle_turns_a_webhook_off_and_on() -> Result<()> {
    let (api, receiver) = (Api::start().await?, Receiver::start(&[]).await?);
    let webhook = create(&api, json!({ "webhook_url": receiver.url("/") })).await?;
    let toggle = format!("{}/toggle", path(&webhook));
    for (enabled, status, message) in [(false, "disabled", "Webhook disabled"), (true, "active", "Webhook enabled")] {
        let toggled = api.send(Method::PATCH, &toggle, "").await?;
        assert_eq!((toggled.status, &toggled.body["message"]), (200, &json!(message)));
        assert_eq!(
            (&toggled.body["data"]["enabled"], &toggled.body["data"]["status"]),
            (&json!(enabled), &json!(status))
        );
        api.publish(&json!({ "type": "call.received", "agent_id": OTHER_AGENT, "data": { "on": enabled } })).await?;
        api.idle().await?;
    }
    let data: Vec<Value> = receiver.received().iter().map(|received| received.json()["data"].clone()).collect();
    assert_eq!(data, [json!({ "on": true })], "a disabled webhook gets no event");
    Ok(())
}

#[tokio::test]
async fn a_bad_webhook_is_refused_field_by_field_and_not_stored() -> Result<()> {
    let api = Api::start().await?;
    let good = create(&api, json!({})).await?;
    for case in serde_json::from_str::<Vec<Value>>(BAD_WEBHOOKS)? {
        let body = case["body"].as_str().unwrap().to_owned();
        let expected = json!({ "message": "The given data was invalid.", "errors": case["errors"] });
        let answer = api.send(Method::POST, WEBHOOKS, body.clone()).await?;
        assert_eq!((answer.status, &answer.body), (422, &expected), "{body}");
        assert_eq!(answer.body.to_string(), expected.to_string(), "in this order");
    }
    let too_large = api.send(Method::POST, WEBHOOKS, " ".repeat(64 * 1024 + 1)).await?;
    assert_eq!((too_large.status, too_large.body), (413, json!({ "message": "The body is over 65536 bytes." })));
    let many = api.post(WEBHOOKS, &with(json!({ "events": vec![7; 20_000] }))).await?;
    assert_eq!(many.status, 422);
    assert!(many.body.to_string().len() < 4096, "the error does not repeat the request at length");
    assert_eq!(api.get(WEBHOOKS).await?.body["data"]["webhooks"], json!([good]), "nothing is stored");
    Ok(())
}

#[tokio::test]
async fn http_is_refused_where_https_is_required() -> Result<()> {
    let api = Api::with(&[("REQUIRE_HTTPS", "true")]).await?;
    let refused = api.post(WEBHOOKS, &with(json!({ "webhook_url": "http://a.example" }))).await?;
    let sentence = "The webhook url field must start with one of the following: https://.";
    assert_eq!((refused.status, &refused.body["errors"]), (422, &json!({ "webhook_url": [sentence] })));
    Ok(())
}

#[tokio::test]
async fn an_agent_has_at_most_fifty_webhooks() -> Result<()> {
    let api = Api::start().await?;
    for _ in 0..50 {
        create(&api, json!({})).await?;
    }
    let refused = api.post(WEBHOOKS, &example()).await?;
    let errors = json!({ "agent_id": ["The agent has 50 webhooks, and no more may be added."] });
    assert_eq!((refused.status, &refused.body["errors"]), (422, &errors));
    Ok(())
}

#[tokio::test]
async fn concurrent_creates_neither_exceed_the_limit_nor_fail_each_other() -> Result<()> {
    let api = Api::start().await?;
    let body = example();
    let created = join_all((0..70).map(|_| api.post(WEBHOOKS, &body))).await;
    let mut statuses: Vec<u16> = created.into_iter().map(|answer| Ok(answer?.status)).collect::<Result<_>>()?;
    assert_eq!(api.get(WEBHOOKS).await?.body["data"]["webhooks"].as_array().unwrap().len(), 50);
    statuses.sort_unstable();
    assert_eq!(statuses, [vec![201; 50], vec![422; 20]].concat());
    let webhook = api.get(WEBHOOKS).await?.body["data"]["webhooks"][0].clone();
    let toggle = format!("{}/toggle", path(&webhook));
    let toggled = join_all((0..8).map(|_| api.send(Method::PATCH, &toggle, ""))).await;
    for answer in toggled {
        assert_eq!(answer?.status, 200);
    }
    assert_eq!(api.get(&path(&webhook)).await?.body["data"]["enabled"], true, "an even number of toggles");
    Ok(())
}

#[tokio::test]
async fn an_unknown_id_and_an_id_of_another_agent_or_environment_are_not_found() -> Result<()> {
    let api = Api::start().await?;
    let webhook = create(&api, json!({})).await?;
    let elsewhere = path(&webhook).replace(OTHER_AGENT, "agt_abc123");
    let nothing = format!("{WEBHOOKS}/9fcafbf2-7593-44d6-8cd7-1b221beba62a");
    let (agent, webhook_404) = ("Agent not found in this environment.", "Webhook not found.");
    let no_agent = nothing.replace(OTHER_AGENT, "agt_nobody_has");
    let junk = format!("{WEBHOOKS}/%23");
    let live = api.with_key(LIVE_KEY);
    for (client, path, message) in [
        (&*api, elsewhere.as_str(), webhook_404),
        (&*api, nothing.as_str(), webhook_404),
        (&*api, junk.as_str(), webhook_404),
        (&*api, no_agent.as_str(), agent),
        (&live, path(&webhook).as_str(), webhook_404),
        (&api.project("other").await?, path(&webhook).as_str(), agent),
    ] {
        for (method, suffix) in [
            (Method::GET, ""),
            (Method::PUT, ""),
            (Method::DELETE, ""),
            (Method::PATCH, "/toggle"),
            (Method::POST, "/test"),
        ] {
            let answer = client.send(method.clone(), &format!("{path}{suffix}"), "{}").await?;
            assert_eq!((answer.status, answer.body), (404, not_found(message)), "{method} {path}{suffix}");
        }
    }
    let list = api.get("/talkover/api/v1/agents/agt_nobody_has/webhooks").await?;
    assert_eq!((list.status, list.body), (404, not_found(agent)));
    assert_eq!(api.get(&path(&webhook)).await?.body["data"], webhook);
    Ok(())
}

#[tokio::test]
async fn a_delivery_has_talkovers_payload_and_signature() -> Result<()> {
    let (api, receiver) = (Api::start().await?, Receiver::start(&[]).await?);
    api.put(&format!("/v1/agents/{OTHER_AGENT}"), &json!({ "name": "Ada" })).await?;
    let webhook = create(&api, json!({ "webhook_url": receiver.url("/hook") })).await?;
    let data = json!({ "call": { "id": "c_1" } });
    let event = json!({
        "type": "call.completed", "agent_id": OTHER_AGENT, "occurred_at": "2025-09-03T23:19:51.042Z", "data": data,
    });
    api.publish(&event).await?;
    let received = receiver.wait_for(1).await?.remove(0);
    assert_eq!((received.method.as_str(), received.path.as_str()), ("POST", "/hook"));
    let expected = json!({
        "event": "event_phone_call_ended", "agent_id": OTHER_AGENT, "agent_name": "Ada", "webhook_id": webhook["id"],
        "webhook_name": "My Webhook", "timestamp": "2025-09-03T23:19:51.042Z", "data": data,
    });
    assert_eq!(received.json(), expected);
    let secret = "optional_secret_for_hmac";
    assert_eq!(received.header("x-webhook-signature"), received.body_hmac(secret));
    assert!(received.standard_verifies(secret));
    Ok(())
}

#[tokio::test]
async fn a_delivery_has_no_talkover_signature_if_its_webhook_has_no_secret() -> Result<()> {
    let (api, receiver) = (Api::start().await?, Receiver::start(&[]).await?);
    let webhook = create(&api, json!({ "webhook_url": receiver.url("/"), "webhook_secret": null })).await?;
    let publish =
        || async { api.publish(&json!({ "type": "call.received", "agent_id": OTHER_AGENT, "data": {} })).await };
    publish().await?;
    let received = receiver.wait_for(1).await?.remove(0);
    assert!(received.headers.get("x-webhook-signature").is_none());
    assert!(received.header("webhook-signature").starts_with("v1,"));

    api.put(&path(&webhook), &json!({ "webhook_secret": "first" })).await?;
    publish().await?;
    let received = receiver.wait_for(2).await?.remove(1);
    assert_eq!(received.header("x-webhook-signature"), received.body_hmac("first"));
    assert!(received.standard_verifies("first"));
    assert_eq!(
        received.header("webhook-signature").split(' ').count(),
        1,
        "a secret that nobody was shown stops signing at once"
    );

    api.put(&path(&webhook), &json!({ "webhook_secret": "second" })).await?;
    publish().await?;
    let received = receiver.wait_for(3).await?.remove(2);
    assert_eq!(received.header("x-webhook-signature"), received.body_hmac("second"));
    assert!(received.standard_verifies("first") && received.standard_verifies("second"), "both, for a day");
    Ok(())
}

#[tokio::test]
async fn deliveries_use_the_method_the_credentials_and_the_headers_that_were_set() -> Result<()> {
    let (api, receiver) = (Api::start().await?, Receiver::start(&[]).await?);
    let webhook = create(
        &api,
        json!({
            "webhook_url": receiver.url("/"), "http_method": "PUT",
            "custom_headers": [{ "key": "X-Route", "value": "blue team" }, { "key": "Authorization", "value": "mine" }],
        }),
    )
    .await?;
    assert_eq!(webhook["http_method"], "PUT");
    assert_eq!(webhook["custom_headers"][0], json!({ "key": "X-Route", "value": "blue team" }));
    let basic = "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==";
    for (count, (fields, header, value)) in [
        (json!({}), "authorization", "mine"),
        (
            json!({ "authorization_scheme": "bearer", "authorization_credentials": { "token": "t0ken" } }),
            "authorization",
            "Bearer t0ken",
        ),
        (json!({ "authorization_scheme": "bearer" }), "authorization", "Bearer t0ken"),
        (json!({ "authorization_credentials": { "token": "newer" } }), "authorization", "Bearer newer"),
        (
            json!({ "authorization_scheme": "basic", "authorization_credentials": { "username": "Aladdin", "password": "open sesame" } }),
            "authorization",
            basic,
        ),
        (json!({ "authorization_scheme": "api_key", "authorization_credentials": { "value": "k" } }), "x-api-key", "k"),
        (
            json!({ "authorization_scheme": "custom", "authorization_credentials": { "header": "X-Pass", "value": "p" } }),
            "x-pass",
            "p",
        ),
        (json!({ "authorization_scheme": "none", "http_method": "PATCH" }), "authorization", "mine"),
    ]
    .into_iter()
    .enumerate()
    {
        let updated = api.put(&path(&webhook), &fields).await?;
        assert_eq!(updated.status, 200, "{}", updated.body);
        let shown = updated.body.to_string();
        assert!(!["t0ken", "newer", "sesame"].iter().any(|secret| shown.contains(secret)), "{shown}");
        api.publish(&json!({ "type": "call.received", "agent_id": OTHER_AGENT, "data": {} })).await?;
        let received = receiver.wait_for(count + 1).await?.remove(count);
        assert_eq!(received.method.as_str(), if count < 7 { "PUT" } else { "PATCH" });
        assert_eq!((received.header(header), received.header("x-route")), (value, "blue team"), "{fields}");
        assert!(received.standard_verifies("optional_secret_for_hmac"));
    }
    Ok(())
}

#[tokio::test]
async fn a_payload_template_makes_the_body_of_its_event_type_alone() -> Result<()> {
    let (api, receiver) = (Api::start().await?, Receiver::start(&[]).await?);
    let template = json!({
        "id": "{{call.id}}", "seconds": "{{call.seconds}}", "last": "{{call.turns[1].text}}", "first": "{{call.turns.0.text}}",
        "line": "{{event}} → {{call.turns.0.text}} ({{call.gone}})", "gone": "{{call.gone.deeper}}", "agent": "{{agent_id}}",
        "webhook": ["{{webhook_id}}", "{{webhook_name}}"], "at": "{{timestamp}}", "kept": { "n": 1.5, "t": true, "z": null },
    });
    let webhook = create(
        &api,
        json!({ "webhook_url": receiver.url("/"), "payload_templates": { "event_phone_call_ended": template } }),
    )
    .await?;
    assert_eq!(webhook["payload_templates"]["event_phone_call_ended"], template);
    let data = r#"{"call":{"id":"c_1","seconds":12345678901234567890.10,"turns":[{"text":"Grüße 🦀"},{"text":"\"bye\""}]},"event":"x"}"#;
    let publish = |kind: &str| {
        let body = format!(
            r#"{{"type":"{kind}","agent_id":"{OTHER_AGENT}","occurred_at":"2025-09-03T23:19:51Z","data":{data}}}"#
        );
        let client = api.with_key(local::demo::TEST_KEY);
        async move { client.send(Method::POST, "/v1/events", body).await }
    };
    publish("call.completed").await?;
    let received = receiver.wait_for(1).await?.remove(0);
    let text = String::from_utf8(received.body.to_vec())?;
    assert!(text.contains(r#""seconds":12345678901234567890.10"#), "{text}");
    let mut payload = received.json();
    payload["seconds"] = Value::Null;
    let expected = json!({
        "id": "c_1", "seconds": null, "last": "\"bye\"", "first": "Grüße 🦀",
        "line": "event_phone_call_ended → Grüße 🦀 ()", "gone": null, "agent": OTHER_AGENT,
        "webhook": [webhook["id"], "My Webhook"], "at": "2025-09-03T23:19:51.000Z",
        "kept": { "n": 1.5, "t": true, "z": null },
    });
    assert_eq!(payload, expected);
    assert_eq!(received.header("x-webhook-signature"), received.body_hmac("optional_secret_for_hmac"));
    publish("call.received").await?;
    let other = receiver.wait_for(2).await?.remove(1);
    assert_eq!(other.json()["event"], "event_phone_call_started", "another event has the default body");
    assert_eq!(other.json()["data"]["event"], "x");
    Ok(())
}

#[tokio::test]
async fn an_event_whose_template_would_grow_too_large_gets_the_default_body() -> Result<()> {
    let (api, receiver) = (Api::start().await?, Receiver::start(&[]).await?);
    let template = json!({ "t": "{{text}}".repeat(100) });
    let templates = json!({ "event_action": template });
    let fields =
        json!({ "webhook_url": receiver.url("/"), "events": ["event_action"], "payload_templates": templates });
    create(&api, fields).await?;
    for (length, is_templated) in [(2000, true), (200_000, false)] {
        let data = json!({ "text": "x".repeat(length) });
        api.publish(&json!({ "type": "event_action", "agent_id": OTHER_AGENT, "data": data })).await?;
        let received = receiver.wait_for(if is_templated { 1 } else { 2 }).await?.pop().unwrap();
        assert!(received.body.len() <= 256 * 1024);
        assert_eq!(received.json().get("t").is_some(), is_templated, "{length}");
        assert_eq!(received.json().get("data").is_some(), !is_templated, "{length}");
    }
    Ok(())
}

#[tokio::test]
async fn characters_that_sqs_refuses_reach_the_receiver_all_the_same() -> Result<()> {
    let (api, receiver) = (Api::start().await?, Receiver::start(&[]).await?);
    let templates = json!({ "event_action": { "a": "{{text}}\u{fffe}", "b": "{{webhook_name}}" } });
    let fields = json!({
        "name": "\u{ffff}", "webhook_url": receiver.url("/"), "events": ["event_action", "event_recording"],
        "payload_templates": templates,
    });
    create(&api, fields).await?;
    for kind in ["event_action", "event_recording"] {
        let body = format!(r#"{{"type":"{kind}","agent_id":"{OTHER_AGENT}","data":{{"text":"\uffff"}}}}"#);
        assert_eq!(api.send(Method::POST, "/v1/events", body).await?.status, 202);
    }
    let received = receiver.wait_for(2).await?;
    let payload_with =
        |name: &str| received.iter().map(Received::json).find(|payload| !payload[name].is_null()).unwrap();
    assert_eq!(payload_with("a"), json!({ "a": "\u{ffff}\u{fffe}", "b": "\u{ffff}" }));
    assert_eq!(payload_with("data")["webhook_name"], "\u{ffff}");
    assert!(received.iter().all(|received| received.body.is_ascii()));
    Ok(())
}

#[tokio::test]
async fn a_test_call_sends_at_once_and_answers_with_the_outcome() -> Result<()> {
    let steps = [Step::Status(204), Step::Status(503)];
    let (api, receiver) = (Api::start().await?, Receiver::start(&steps).await?);
    let webhook = create(&api, json!({ "webhook_url": receiver.url("/"), "http_method": "PATCH" })).await?;
    let test = format!("{}/test", path(&webhook));
    let answer = api.send(Method::POST, &test, "").await?;
    assert_eq!((answer.status, &answer.body["success"]), (200, &json!(true)));
    assert_eq!(answer.body["message"], "Test webhook sent successfully");
    assert_eq!(answer.body["data"]["status_code"], 204);
    assert!(answer.body["data"]["response_time"].is_u64());
    let failed = api.send(Method::POST, &test, "").await?;
    assert_eq!((failed.status, &failed.body["success"]), (200, &json!(false)));
    assert_eq!(failed.body["message"], "Test webhook failed: The endpoint answered 503.");
    assert_eq!(failed.body["data"]["status_code"], 503);
    let received = receiver.received().remove(0);
    assert_eq!(received.method.as_str(), "PATCH");
    let payload = received.json();
    let keys: Vec<&str> = payload.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(keys, ["event", "agent_id", "agent_name", "webhook_id", "webhook_name", "timestamp", "test"]);
    assert_eq!((&payload["event"], &payload["test"]), (&json!("webhook.test"), &json!(true)));
    assert_eq!(payload["timestamp"].as_str().unwrap().len(), "2025-09-03T23:19:51.042Z".len());
    assert_eq!(received.header("x-webhook-signature"), received.body_hmac("optional_secret_for_hmac"));
    api.put(&path(&webhook), &json!({ "webhook_url": "http://127.0.0.1:1/" })).await?;
    let unreachable = api.send(Method::POST, &test, "").await?;
    assert_eq!((unreachable.status, &unreachable.body["success"]), (200, &json!(false)));
    assert_eq!(unreachable.body["data"]["status_code"], Value::Null);
    Ok(())
}
