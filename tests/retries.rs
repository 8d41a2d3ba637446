//! Retries, over HTTP and the real queues.

use std::collections::HashSet;

use anyhow::Result;
use domain::time::Timestamp;
use serde_json::{Value, json};

use crate::receiver::{Received, Receiver, Step};
use crate::stack::{AGENT, Api};

fn distinct<'a>(received: &'a [Received], of: impl Fn(&'a Received) -> &'a str) -> usize {
    received.iter().map(of).collect::<HashSet<_>>().len()
}

/// A first wait that leaves time to act between two attempts, even on a busy machine.
const UNHURRIED: &[(&str, &str)] = &[("RETRY_SCHEDULE", "5s")];

#[tokio::test]
async fn a_receiver_that_fails_twice_gets_three_attempts_with_one_webhook_id() -> Result<()> {
    let steps = [Step::Status(500), Step::Status(500), Step::Status(200)];
    let (api, receiver) = (Api::start().await?, Receiver::start(&steps).await?);
    let secret = api.set_webhook(AGENT, &receiver.url("/")).await?["secret"].as_str().unwrap().to_owned();
    api.publish(&json!({ "type": "message.received", "agent_id": AGENT, "data": { "b": 1, "a": 2 } })).await?;
    let logged = api.delivery_with_status(AGENT, "success").await?;
    assert_eq!(
        (&logged["attemptCount"], &logged["httpStatus"], &logged["nextRetryAt"]),
        (&json!(3), &json!(200), &Value::Null)
    );
    let received = receiver.wait_for(3).await?;
    assert_eq!(received.len(), 3);
    assert_eq!(distinct(&received, |attempt| attempt.header("webhook-id")), 1);
    assert_eq!(distinct(&received, |attempt| std::str::from_utf8(&attempt.body).unwrap()), 1, "the same bytes");
    assert_eq!(distinct(&received, |attempt| attempt.header("x-webhook-signature")), 3, "signed anew");
    assert!(received.iter().all(|attempt| attempt.verifies(&secret) && attempt.agentphone_verifies(&secret)));
    Ok(())
}

#[tokio::test]
async fn a_waiting_delivery_says_why_and_until_when() -> Result<()> {
    let api = Api::with(&[("RETRY_SCHEDULE", "10m")]).await?;
    let receiver = Receiver::start(&[Step::Full(404, vec![], "x".repeat(2000))]).await?;
    api.set_webhook(AGENT, &receiver.url("/")).await?;
    api.publish(&json!({ "type": "message.received", "agent_id": AGENT, "data": {} })).await?;
    let logged = api.delivery_with_status(AGENT, "pending").await?;
    assert_eq!((&logged["errorMessage"], &logged["httpStatus"]), (&json!("The endpoint answered 404."), &json!(404)));
    assert_eq!(logged["responseBody"].as_str().unwrap().len(), 1024, "the first KiB is kept");
    assert!(logged["nextRetryAt"].as_str() > logged["lastAttemptAt"].as_str());
    Ok(())
}

#[tokio::test]
async fn a_delivery_has_failed_after_five_retries() -> Result<()> {
    let api = Api::with(&[("RETRY_SCHEDULE", "1ms,1ms,1ms,1ms,1ms,1ms,1ms")]).await?;
    let receiver = Receiver::start(&[const { Step::Status(500) }; 7]).await?;
    api.set_webhook(AGENT, &receiver.url("/")).await?;
    api.publish(&json!({ "type": "message.received", "agent_id": AGENT, "data": {} })).await?;
    let logged = api.delivery_with_status(AGENT, "failed").await?;
    assert_eq!((&logged["attemptCount"], &logged["nextRetryAt"]), (&json!(6), &Value::Null));
    api.idle().await?;
    assert_eq!(receiver.received().len(), 6);
    Ok(())
}

#[tokio::test]
async fn retry_after_defers_the_next_attempt() -> Result<()> {
    let api = Api::start().await?;
    let receiver = Receiver::start(&[Step::Full(429, vec![("retry-after", "600".to_owned())], String::new())]).await?;
    api.set_webhook(AGENT, &receiver.url("/")).await?;
    api.publish(&json!({ "type": "message.received", "agent_id": AGENT, "data": {} })).await?;
    let logged = api.delivery_with_status(AGENT, "pending").await?;
    let time = |field: &str| Timestamp::parse_rfc3339(logged[field].as_str().unwrap()).unwrap();
    let wait_s = time("nextRetryAt").since(time("lastAttemptAt")).as_secs();
    assert!((600..660).contains(&wait_s), "{logged}");
    Ok(())
}

#[tokio::test]
async fn a_webhook_deleted_between_attempts_ends_its_deliveries() -> Result<()> {
    let (api, receiver) = (Api::with(UNHURRIED).await?, Receiver::start(&[Step::Status(500)]).await?);
    let id = api.set_webhook(AGENT, &receiver.url("/")).await?["id"].as_str().unwrap().to_owned();
    api.publish(&json!({ "type": "message.received", "agent_id": AGENT, "data": {} })).await?;
    receiver.wait_for(1).await?;
    api.delete("/agentphone/v1/agents/agt_abc123/webhook").await?;
    api.set_webhook(AGENT, &receiver.url("/another")).await?;
    api.idle().await?;
    assert_eq!(receiver.received().len(), 1, "neither the old nor the new one is sent it");
    let [tenant, _] = local::demo::tenants();
    let id = serde_json::from_value(json!(id))?;
    let logged = api.store().await?.deliveries(&tenant, &id, 1, 10).await?;
    assert_eq!(logged.len(), 1);
    assert_eq!((logged[0].attempt_count, logged[0].error()), (1, Some("The webhook was deleted.")));
    assert_eq!(logged[0].status, domain::Status::Failed);
    Ok(())
}

#[tokio::test]
async fn a_changed_url_is_used_and_the_old_secret_still_signs() -> Result<()> {
    let (api, old) = (Api::with(UNHURRIED).await?, Receiver::start(&[Step::Status(500)]).await?);
    let new = Receiver::start(&[]).await?;
    let first = api.set_webhook(AGENT, &old.url("/")).await?["secret"].as_str().unwrap().to_owned();
    api.publish(&json!({ "type": "message.received", "agent_id": AGENT, "data": {} })).await?;
    let before = old.wait_for(1).await?.remove(0);
    let second = api.set_webhook(AGENT, &new.url("/")).await?["secret"].as_str().unwrap().to_owned();
    let after = new.wait_for(1).await?.remove(0);
    assert_eq!(after.header("webhook-id"), before.header("webhook-id"));
    assert!(before.verifies(&first) && !before.verifies(&second));
    assert!(after.verifies(&second) && after.verifies(&first), "both, for a day");
    assert!(after.agentphone_verifies(&second));
    Ok(())
}
