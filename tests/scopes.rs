//! Customers can't see each other: another project's things, and the other environment's, answer as nothing.

use anyhow::Result;
use http::Method;
use local::demo::LIVE_KEY;
use local::template::{Template, Trigger};
use serde_json::{Value, json};

use crate::receiver::Receiver;
use crate::stack::{AGENT, Api, Client};

/// Every call that names an agent, but for those that make it.
async fn calls_for(client: &Client, agent: &str) -> Result<Vec<(u16, Value)>> {
    let webhook = format!("/agentphone/v1/agents/{agent}/webhook");
    let url = json!({ "url": "https://a.example" });
    let answers = [
        client.get(&format!("/v1/agents/{agent}")).await?,
        client.delete(&format!("/v1/agents/{agent}")).await?,
        client.get(&webhook).await?,
        client.post(&webhook, &url).await?,
        client.delete(&webhook).await?,
        client.get(&format!("{webhook}/deliveries")).await?,
        client.send(Method::POST, &format!("{webhook}/test"), "").await?,
    ];
    Ok(answers.into_iter().map(|answer| (answer.status, answer.body)).collect())
}

#[tokio::test]
async fn another_projects_agent_answers_as_none_and_nothing_of_it_changes() -> Result<()> {
    let api = Api::start().await?;
    let other = api.project("other").await?;
    let set = api.set_webhook(AGENT, "https://mine.example").await?;
    let theirs = calls_for(&other, AGENT).await?;
    assert!(theirs.iter().all(|(status, _)| *status == 404), "{theirs:?}");
    assert_eq!(theirs, calls_for(&other, "agt_nobody_has").await?);
    assert_eq!(theirs, calls_for(&other, "no%23agent%20id").await?);
    assert_eq!(api.get("/agentphone/v1/agents/agt_abc123/webhook").await?.body, set);
    assert_eq!(other.get("/v1/agents").await?.body, json!({ "agents": [], "next_cursor": null }));
    Ok(())
}

#[tokio::test]
async fn live_and_test_are_separate() -> Result<()> {
    let (api, receiver) = (Api::start().await?, Receiver::start(&[]).await?);
    let live = api.with_key(LIVE_KEY);
    api.set_webhook(AGENT, &receiver.url("/test")).await?;
    api.post("/agentphone/v1/webhooks", &json!({ "url": receiver.url("/test-default") })).await?;
    api.put("/v1/agents/agt_test_only", &json!({})).await?;
    for path in ["/agentphone/v1/agents/agt_abc123/webhook", "/agentphone/v1/webhooks"] {
        assert_eq!(live.get(path).await?.body, Value::Null);
    }
    assert_eq!(live.get("/v1/agents/agt_test_only").await?.status, 404);
    live.publish(&json!({ "type": "a", "agent_id": AGENT, "data": {} })).await?;
    api.idle().await?;
    assert_eq!(receiver.received().len(), 0);
    assert_eq!(live.deliveries(AGENT).await?.len(), 0);
    Ok(())
}

#[tokio::test]
async fn without_a_valid_key_no_route_answers() -> Result<()> {
    let api = Api::start().await?;
    let template = Template::built_in()?;
    let triggers = template.functions.values().flat_map(|function| &function.triggers);
    let mut routes = 0;
    for trigger in triggers {
        let Trigger::Route { method, path } = trigger else { continue };
        routes += 1;
        for (key, detail, message) in [
            ("", "Missing API key.", "Send an API key: `Authorization: Bearer <key>`."),
            ("sk_test_wrong", "Invalid API key.", "The API key is not valid."),
        ] {
            let path = path.replace("{agent_id}", AGENT).replace("{id}", "wh_0").replace("{webhook_id}", "wh_0");
            let answer = api.with_key(key).send(Method::try_from(method.as_str())?, &path, "{}").await?;
            let error = |message: &str| json!({ "error": { "code": "unauthorized", "message": message } });
            let expected = match path.split('/').nth(1) {
                Some("v1") => error(message),
                Some("casey") => error(detail.trim_end_matches('.')),
                Some("talkover") => {
                    json!({ "message": detail.trim_end_matches('.').replace("API key", "Bearer Token") })
                }
                _ => json!({ "detail": detail }),
            };
            assert_eq!((answer.status, answer.body), (401, expected), "{method} {path}");
        }
    }
    assert!(routes >= 30, "{routes}");
    Ok(())
}
