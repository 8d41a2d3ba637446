//! The HTTP API's own answers to requests that API Gateway would refuse, or would answer without a function.

use anyhow::Result;
use http::{HeaderMap, HeaderValue, Method};
use local::demo::TEST_KEY;
use serde_json::{Value, json};

use crate::stack::Api;

async fn status_and_body(request: reqwest::RequestBuilder) -> Result<(u16, Value)> {
    let answer = request.bearer_auth(TEST_KEY).send().await?;
    Ok((answer.status().as_u16(), answer.json().await?))
}

#[tokio::test]
async fn a_request_that_matches_no_route_is_not_found() -> Result<()> {
    let api = Api::start().await?;
    for (method, path) in [(Method::GET, "/"), (Method::PATCH, "/v1/events"), (Method::GET, "/v1/agents/a%2Fb/c")] {
        let answer = api.send(method, path, "").await?;
        assert_eq!((answer.status, answer.body), (404, json!({ "message": "Not Found" })), "{path}");
    }
    Ok(())
}

#[tokio::test]
async fn a_fixed_path_of_one_method_matches_a_route_with_a_parameter_for_another_method() -> Result<()> {
    let api = Api::start().await?;
    let answer = api.get("/casey/v1/backend/webhooks/test").await?;
    assert_eq!((answer.status, &answer.body["error"]["code"]), (404, &json!("not_found")), "{}", answer.body);
    Ok(())
}

#[tokio::test]
async fn an_invalid_host_is_refused_and_reaches_no_function() -> Result<()> {
    let (api, client) = (Api::start().await?, reqwest::Client::new());
    let long = "h".repeat(5000);
    let hosts = [
        "127.0.0.1:abc",
        "h:99999",
        "h:-1",
        ":3000",
        ":",
        "[::1]:x",
        "[zz]",
        "a@b:x",
        "a b",
        "<x>",
        "a{b}",
        "a\"b",
        "a`b",
        &long,
    ];
    for host in hosts {
        let request = client.get(format!("{}/v1/agents", api.stack.url)).header("host", host);
        assert_eq!(status_and_body(request).await?, (400, json!({ "message": "Bad Request" })), "{host}");
    }
    let request = client.get(format!("{}/v1/agents", api.stack.url)).header("host", "hooks.example.com:443");
    assert_eq!(status_and_body(request).await?.0, 200);
    Ok(())
}

#[tokio::test]
async fn forwarding_headers_of_the_caller_are_replaced() -> Result<()> {
    let (api, client) = (Api::start().await?, reqwest::Client::new());
    for protocol in ["x y", "://", "gopher"] {
        let mut headers = HeaderMap::new();
        headers.insert("x-forwarded-proto", HeaderValue::from_str(protocol)?);
        let request = client.get(format!("{}/v1/agents", api.stack.url)).headers(headers);
        assert_eq!(status_and_body(request).await?.0, 200, "{protocol}");
    }
    Ok(())
}

#[tokio::test]
async fn a_path_that_is_not_utf8_or_is_too_long_is_refused() -> Result<()> {
    let api = Api::start().await?;
    for path in ["/v1/agents/%ff", "/agentphone/v1/agents/%ff/webhook"] {
        let answer = api.get(path).await?;
        assert_eq!((answer.status, answer.body), (400, json!({ "message": "Bad Request" })), "{path}");
    }
    assert_eq!(api.get(&format!("/v1/agents/{}", "a".repeat(11_000))).await?.status, 414);
    assert_eq!(api.get(&format!("/v1/agents?cursor={}", "a".repeat(60_000))).await?.status, 414);
    assert_eq!(api.get("/v1/agents/a%20b").await?.status, 404);
    Ok(())
}

#[tokio::test]
async fn a_request_that_lambda_would_not_accept_is_too_long() -> Result<()> {
    let api = Api::start().await?;
    let too_long = json!({ "message": "Request Too Long" });
    // Lambda gets a body as a JSON string, in which a quote takes two bytes.
    for body in ["x".repeat(6 * 1024 * 1024 + 1), "\"".repeat(4 * 1024 * 1024)] {
        let answer = api.send(Method::POST, "/v1/events", body).await?;
        assert_eq!((answer.status, answer.body), (413, too_long.clone()));
    }
    assert_eq!(api.send(Method::POST, "/v1/events", "x".repeat(5 * 1024 * 1024)).await?.status, 400);
    Ok(())
}
