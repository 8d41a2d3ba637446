//! Exactly one primary webhook gets an event.

use anyhow::Result;
use serde_json::json;

use crate::receiver::Receiver;
use crate::stack::{AGENT, Api, OTHER_AGENT};

const DEFAULT: &str = "/agentphone/v1/webhooks";

#[tokio::test]
async fn agent_webhook_overrides_project_default() -> Result<()> {
    let (api, agent, default) = (Api::start().await?, Receiver::start(&[]).await?, Receiver::start(&[]).await?);
    api.post(DEFAULT, &json!({ "url": default.url("/") })).await?;
    api.set_webhook(AGENT, &agent.url("/")).await?;
    api.publish(&json!({ "type": "call.completed", "agent_id": AGENT, "data": { "n": 1 } })).await?;
    api.publish(&json!({ "type": "call.completed", "agent_id": OTHER_AGENT, "data": { "n": 2 } })).await?;
    api.idle().await?;
    let numbers = |receiver: &Receiver| -> Vec<_> {
        receiver.received().iter().map(|received| received.json()["data"]["n"].clone()).collect()
    };
    assert_eq!((numbers(&agent), numbers(&default)), (vec![json!(1)], vec![json!(2)]));

    api.delete("/agentphone/v1/agents/agt_abc123/webhook").await?;
    api.publish(&json!({ "type": "call.completed", "agent_id": AGENT, "data": { "n": 3 } })).await?;
    api.idle().await?;
    assert_eq!((numbers(&agent), numbers(&default)), (vec![json!(1)], vec![json!(2), json!(3)]));
    Ok(())
}

#[tokio::test]
async fn an_event_of_no_agent_or_an_unknown_one_goes_to_the_default() -> Result<()> {
    let (api, agent, default) = (Api::start().await?, Receiver::start(&[]).await?, Receiver::start(&[]).await?);
    api.post(DEFAULT, &json!({ "url": default.url("/") })).await?;
    api.set_webhook(AGENT, &agent.url("/")).await?;
    api.publish(&json!({ "type": "invoice.paid", "data": {} })).await?;
    api.publish(&json!({ "type": "invoice.paid", "agent_id": "agt_unknown", "data": {} })).await?;
    api.idle().await?;
    assert_eq!((agent.received().len(), default.received().len()), (0, 2));
    Ok(())
}

#[tokio::test]
async fn a_disabled_agent_webhook_still_overrides_and_the_log_says_so() -> Result<()> {
    let (api, agent, default) = (Api::start().await?, Receiver::start(&[]).await?, Receiver::start(&[]).await?);
    api.post(DEFAULT, &json!({ "url": default.url("/") })).await?;
    api.set_webhook(AGENT, &agent.url("/")).await?;
    let store = api.store().await?;
    let [tenant, _] = local::demo::tenants();
    let before = store.webhooks(&tenant).await?.into_iter().find(|webhook| webhook.owner.agent().is_some()).unwrap();
    let mut disabled = before.clone();
    disabled.enabled = false;
    store.replace(&tenant, Some(&before), &disabled).await?;

    api.publish(&json!({ "type": "call.completed", "agent_id": AGENT, "data": {} })).await?;
    let logged = api.delivery_with_status(AGENT, "failed").await?;
    assert_eq!((&logged["errorMessage"], &logged["attemptCount"]), (&json!("The webhook is disabled."), &json!(0)));
    api.idle().await?;
    assert_eq!((agent.received().len(), default.received().len()), (0, 0));
    Ok(())
}
