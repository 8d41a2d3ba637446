//! Bad input gets the dialect's own error, never a 5xx, and nothing is stored.

use anyhow::Result;
use http::Method;
use serde_json::{Value, json};

use crate::receiver::Receiver;
use crate::stack::{AGENT, Api};

/// Request bodies that set a webhook, and the errors for them. They are the errors of FastAPI 0.165 with Pydantic 2.14,
/// with `url` as a string that is checked like an `HttpUrl`.
const BAD_WEBHOOKS: &str = include_str!("golden/agentphone_bad_webhooks.json");

#[tokio::test]
async fn a_bad_webhook_is_refused_as_fastapi_does_and_not_stored() -> Result<()> {
    let api = Api::start().await?;
    for path in ["/agentphone/v1/agents/agt_abc123/webhook", "/agentphone/v1/webhooks"] {
        for case in serde_json::from_str::<Vec<Value>>(BAD_WEBHOOKS)? {
            let body = case["body"].as_str().unwrap().to_owned();
            let answer = api.send(Method::POST, path, body.clone()).await?;
            assert_eq!((answer.status, answer.body), (422, json!({ "detail": case["detail"] })), "{body}");
        }
        let long = json!({ "url": format!("https://a.example/{}", "x".repeat(2083)) });
        let too_large = api.send(Method::POST, path, " ".repeat(64 * 1024 + 1)).await?;
        assert_eq!((too_large.status, too_large.body), (413, json!({ "detail": "The body is over 65536 bytes." })));
        let too_long = api.post(path, &long).await?;
        assert_eq!((too_long.status, &too_long.body["detail"][0]["type"]), (422, &json!("url_too_long")));
        let not_utf8 = api.send(Method::POST, path, vec![b'{', b'"', 0xff, b'"', b':', b'1', b'}']).await?;
        assert_eq!((not_utf8.status, &not_utf8.body["detail"][0]["type"]), (422, &json!("json_invalid")));
        assert_eq!(api.get(path).await?.body, Value::Null, "nothing is stored");
    }
    Ok(())
}

#[tokio::test]
async fn agentphone_ignores_unknown_fields_and_reads_numbers_in_strings_as_pydantic_does() -> Result<()> {
    let api = Api::start().await?;
    let body = json!({ "url": "https://a.example", "colour": "red", "timeout": " 6_0.0", "contextLimit": true });
    let set = api.post("/agentphone/v1/webhooks", &body).await?;
    assert_eq!((set.status, &set.body["timeout"], &set.body["contextLimit"]), (200, &json!(60), &json!(1)));
    Ok(())
}

#[tokio::test]
async fn http_is_refused_where_https_is_required() -> Result<()> {
    let api = Api::with(&[("REQUIRE_HTTPS", "true")]).await?;
    let answer = api.post("/agentphone/v1/webhooks", &json!({ "url": "http://a.example" })).await?;
    let error = json!({
        "type": "url_scheme", "loc": ["body", "url"], "msg": "URL scheme should be 'https'", "input": "http://a.example",
        "ctx": { "expected_schemes": "'https'" },
    });
    assert_eq!((answer.status, answer.body), (422, json!({ "detail": [error] })));
    assert_eq!(api.post("/agentphone/v1/webhooks", &json!({ "url": "https://a.example" })).await?.status, 200);
    Ok(())
}

#[tokio::test]
async fn a_bad_limit_is_refused() -> Result<()> {
    let api = Api::start().await?;
    for (limit, kind) in [
        ("0", "greater_than_equal"),
        ("101", "less_than_equal"),
        ("x", "int_parsing"),
        ("", "int_parsing"),
        ("99999999999999999999", "less_than_equal"),
        ("1.5", "int_parsing"),
    ] {
        let answer = api.get(&format!("/agentphone/v1/agents/{AGENT}/webhook/deliveries?limit={limit}")).await?;
        assert_eq!((answer.status, &answer.body["detail"][0]["type"]), (422, &json!(kind)), "{limit}");
        assert_eq!(answer.body["detail"][0]["loc"], json!(["query", "limit"]));
        assert_eq!(answer.body["detail"][0]["input"], limit);
    }
    Ok(())
}

#[tokio::test]
async fn a_bad_event_is_refused_and_not_accepted() -> Result<()> {
    let (api, receiver) = (Api::start().await?, Receiver::start(&[]).await?);
    api.post("/agentphone/v1/webhooks", &json!({ "url": receiver.url("/") })).await?;
    for (body, status, code, field) in [
        ("", 400, "invalid_json", None),
        ("{\"type\":", 400, "invalid_json", None),
        ("[]", 422, "invalid_request", Some("")),
        ("\"event\"", 422, "invalid_request", Some("")),
        (r#"{"events":[["a",{}]]}"#, 422, "invalid_request", Some("events[0]")),
        ("{}", 422, "invalid_request", Some("type")),
        (r#"{"type":5,"data":{}}"#, 422, "invalid_request", Some("type")),
        (r#"{"type":"a","data":{},"colour":1}"#, 422, "invalid_request", Some("colour")),
        (r#"{"type":"a","data":{},"agent_id":"a/b"}"#, 422, "invalid_request", Some("agent_id")),
        (r#"{"events":[]}"#, 422, "invalid_request", Some("events")),
        (r#"{"events":{}}"#, 422, "invalid_request", Some("events")),
        (r#"{"events":[],"type":"a"}"#, 422, "invalid_request", Some("type")),
    ] {
        let answer = api.send(Method::POST, "/v1/events", body).await?;
        assert_eq!((answer.status, &answer.body["error"]["code"]), (status, &json!(code)), "{body}");
        assert!(!answer.body["error"]["message"].as_str().unwrap().is_empty());
        assert_eq!(answer.body["error"]["details"][0]["field"].as_str(), field, "{body}");
    }
    let many = vec![json!({ "type": "a", "data": {} }); 101];
    assert_eq!(api.post("/v1/events", &json!({ "events": many })).await?.status, 422);
    let long_name = format!(r#"{{"type":"a","data":{{}},"{}":1}}"#, "x".repeat(200_000));
    let answer = api.send(Method::POST, "/v1/events", long_name).await?;
    assert_eq!(answer.status, 422);
    assert!(answer.body.to_string().len() < 2000, "the error does not repeat the request at length");
    api.publish(&json!({ "type": "good", "data": {} })).await?;
    api.idle().await?;
    let events: Vec<Value> = receiver.received().iter().map(|received| received.json()["event"].clone()).collect();
    assert_eq!(events, ["good"], "no other event was accepted");
    Ok(())
}

#[tokio::test]
async fn a_bad_agent_is_refused_and_not_stored() -> Result<()> {
    let api = Api::start().await?;
    let long = json!({ "name": "x".repeat(256) }).to_string();
    for (path, body, status, field) in [
        ("agt_1", "{", 400, None),
        ("agt_1", r#"["One"]"#, 422, Some("")),
        ("agt_1", r#"{"name":5}"#, 422, Some("name")),
        ("agt_1", r#"{"nome":"x"}"#, 422, Some("nome")),
        ("agt_1", long.as_str(), 422, Some("name")),
        ("a%23b", "{}", 422, Some("agent_id")),
    ] {
        let answer = api.send(Method::PUT, &format!("/v1/agents/{path}"), body.to_owned()).await?;
        assert_eq!(answer.status, status, "{body}");
        assert_eq!(answer.body["error"]["details"][0]["field"].as_str(), field, "{}", answer.body);
    }
    assert_eq!(api.get("/v1/agents/agt_1").await?.status, 404);
    for query in ["limit=0", "limit=101", "limit=x", "cursor=junk%21"] {
        assert_eq!(api.get(&format!("/v1/agents?{query}")).await?.status, 422, "{query}");
    }
    Ok(())
}
