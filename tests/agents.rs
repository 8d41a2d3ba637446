//! The API of agents, `/v1/agents`.

use anyhow::Result;
use serde_json::{Value, json};

use crate::receiver::Receiver;
use crate::stack::Api;

#[tokio::test]
async fn an_agent_is_registered_renamed_shown_and_removed() -> Result<()> {
    let api = Api::start().await?;
    let path = "/v1/agents/a:1.b_c-d";
    let created = api.put(path, &json!({ "name": "One" })).await?;
    assert_eq!((created.status, &created.body["id"], &created.body["name"]), (201, &json!("a:1.b_c-d"), &json!("One")));
    let renamed = api.put(path, &json!({})).await?;
    assert_eq!((renamed.status, &renamed.body["name"]), (200, &Value::Null));
    assert_eq!(renamed.body["created_at"], created.body["created_at"]);
    assert_eq!(api.get(path).await?, renamed);
    let deleted = api.delete(path).await?;
    assert_eq!((deleted.status, deleted.body), (204, Value::Null));
    for answer in [api.get(path).await?, api.delete(path).await?] {
        assert_eq!(answer.status, 404);
        assert_eq!(answer.body, json!({ "error": { "code": "not_found", "message": "There is no such agent." } }));
    }
    Ok(())
}

#[tokio::test]
async fn removing_an_agent_removes_its_webhook() -> Result<()> {
    let (api, receiver) = (Api::start().await?, Receiver::start(&[]).await?);
    api.put("/v1/agents/agt_1", &json!({})).await?;
    api.set_webhook("agt_1", &receiver.url("/")).await?;
    api.delete("/v1/agents/agt_1").await?;
    assert_eq!(api.get("/agentphone/v1/agents/agt_1/webhook").await?.body, json!({ "detail": "Agent not found." }));
    api.put("/v1/agents/agt_1", &json!({})).await?;
    assert_eq!(api.get("/agentphone/v1/agents/agt_1/webhook").await?.body, Value::Null);
    api.publish(&json!({ "type": "a", "agent_id": "agt_1", "data": {} })).await?;
    api.idle().await?;
    assert_eq!(receiver.received().len(), 0);
    Ok(())
}

#[tokio::test]
async fn agents_are_listed_in_pages() -> Result<()> {
    let stack = Api::start().await?;
    let api = stack.project("listing").await?;
    for n in 0..7 {
        api.put(&format!("/v1/agents/agt_{n}"), &json!({ "name": n.to_string() })).await?;
    }
    let (mut names, mut cursor, mut pages) = (Vec::new(), String::new(), 0);
    loop {
        let page = api.get(&format!("/v1/agents?limit=3{cursor}")).await?;
        assert_eq!(page.status, 200);
        let agents = page.body["agents"].as_array().unwrap();
        assert!(agents.len() <= 3);
        names.extend(agents.iter().map(|agent| agent["name"].as_str().unwrap().to_owned()));
        pages += 1;
        let Some(next) = page.body["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!((names.join(""), pages), ("0123456".to_owned(), 3));
    assert_eq!(
        api.get("/v1/agents?limit=7").await?.body["next_cursor"],
        Value::Null,
        "a full last page has none behind it"
    );
    Ok(())
}
