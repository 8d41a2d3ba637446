//! Endpoints that fail or are slow: which webhooks are disabled, and which use the slow lane.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use domain::{Health, Webhook};
use serde_json::{Value, json};

use crate::promises::{is_long, print_row};
use crate::receiver::{Receiver, Step};
use crate::stack::{AGENT, Api, OTHER_AGENT, wait_until};

const DEFAULT: &str = "/agentphone/v1/webhooks";
const WEBHOOK: &str = "/agentphone/v1/agents/agt_abc123/webhook";

/// The agent's webhook as the store has it.
async fn stored_webhook(api: &Api) -> Result<Webhook> {
    let (store, [tenant, _]) = (api.store().await?, local::demo::tenants());
    let webhooks = store.webhooks(&tenant).await?;
    webhooks.into_iter().find(|webhook| webhook.owner.agent().is_some_and(|id| id.as_str() == AGENT)).context("set")
}

/// Waits until the agent's webhook is as `check` wants it.
async fn wait_for_webhook(api: &Api, check: impl Fn(&Webhook) -> bool) -> Result<Webhook> {
    wait_until("a change of the webhook", async || Ok(Some(stored_webhook(api).await?).filter(&check))).await
}

async fn publish(api: &Api, agent: &str) -> Result<()> {
    api.publish(&json!({ "type": "call.completed", "agent_id": agent, "data": {} })).await?;
    Ok(())
}

#[tokio::test]
async fn a_webhook_whose_endpoint_is_gone_is_disabled_and_the_project_gets_an_event() -> Result<()> {
    let (api, default) = (Api::start().await?, Receiver::start(&[]).await?);
    let gone = Receiver::start(&[Step::Status(410)]).await?;
    api.post(DEFAULT, &json!({ "url": default.url("/") })).await?;
    let webhook = api.set_webhook(AGENT, &gone.url("/")).await?;
    publish(&api, AGENT).await?;
    let payload = default.wait_for(1).await?.remove(0).json();
    assert_eq!(payload["event"], "webhook.disabled");
    assert_eq!((&payload["data"]["webhook_id"], &payload["data"]["agent_id"]), (&webhook["id"], &json!(AGENT)));
    assert_eq!(payload["data"]["reason"], "It answered 410.");
    wait_for_webhook(&api, |webhook| !webhook.enabled).await?;
    assert_eq!(api.get(WEBHOOK).await?.body["status"], "disabled");
    let logged = api.delivery_with_status(AGENT, "failed").await?;
    assert_eq!((&logged["attemptCount"], &logged["httpStatus"]), (&json!(1), &json!(410)));
    publish(&api, AGENT).await?;
    api.idle().await?;
    assert_eq!((gone.received().len(), default.received().len()), (1, 1), "it still overrides, and is sent nothing");
    api.set_webhook(AGENT, &gone.url("/")).await?;
    publish(&api, AGENT).await?;
    gone.wait_for(2).await?;
    Ok(())
}

/// The first attempt read the webhook before the failure was stored. Stale health must not prevent disabling.
#[tokio::test]
async fn a_webhook_whose_endpoint_is_gone_is_disabled_even_if_another_attempt_stored_a_failure() -> Result<()> {
    let api = Api::with(&[("RETRY_SCHEDULE", "10m")]).await?;
    let gone = Receiver::start(&[Step::Late(Duration::from_millis(1500), 410), Step::Status(500)]).await?;
    api.set_webhook(AGENT, &gone.url("/")).await?;
    publish(&api, AGENT).await?;
    gone.wait_for(1).await?;
    publish(&api, AGENT).await?;
    wait_for_webhook(&api, |webhook| webhook.health.failing_since.is_some()).await?;
    wait_for_webhook(&api, |webhook| !webhook.enabled).await?;
    Ok(())
}

#[tokio::test]
async fn a_webhook_whose_endpoint_only_failed_for_too_long_is_disabled() -> Result<()> {
    let api = Api::with(&[("DISABLE_AFTER", "2s"), ("RETRY_SCHEDULE", "1s,1s,1s,1s,1s")]).await?;
    let (default, failing) = (Receiver::start(&[]).await?, Receiver::start(&[const { Step::Status(500) }; 9]).await?);
    api.post(DEFAULT, &json!({ "url": default.url("/") })).await?;
    api.set_webhook(AGENT, &failing.url("/")).await?;
    publish(&api, AGENT).await?;
    let payload = default.wait_for(1).await?.remove(0).json();
    assert_eq!(payload["event"], "webhook.disabled");
    assert_eq!(payload["data"]["reason"], "It failed for too long without one success.");
    assert!(payload["data"]["failing_since"].is_string());
    let attempts = failing.received().len();
    assert!((3..6).contains(&attempts), "{attempts}");
    let logged = api.delivery_with_status(AGENT, "failed").await?;
    assert_eq!(logged["errorMessage"], "The webhook is disabled.");
    api.idle().await?;
    assert_eq!(default.received().len(), 1, "one event");
    Ok(())
}

#[tokio::test]
async fn one_success_resets_the_time_until_a_webhook_is_disabled() -> Result<()> {
    let api = Api::with(&[("DISABLE_AFTER", "3s"), ("RETRY_SCHEDULE", "1s,1s,1s,1s,1s")]).await?;
    let steps = [500, 500, 200, 500, 500, 200].map(Step::Status);
    let flapping = Receiver::start(&steps).await?;
    api.set_webhook(AGENT, &flapping.url("/")).await?;
    for _ in 0..2 {
        publish(&api, AGENT).await?;
        api.idle().await?;
    }
    assert_eq!(flapping.received().len(), 6);
    let webhook = stored_webhook(&api).await?;
    assert!(webhook.enabled);
    assert_eq!((webhook.health.failing_since, webhook.health.slow_since), (None, None));
    Ok(())
}

#[tokio::test]
async fn setting_a_webhook_again_resets_its_health() -> Result<()> {
    let (api, failing) = (Api::with(&[("RETRY_SCHEDULE", "10m")]).await?, Receiver::start(&[Step::Status(500)]).await?);
    api.set_webhook(AGENT, &failing.url("/")).await?;
    publish(&api, AGENT).await?;
    wait_for_webhook(&api, |webhook| webhook.health.failing_since.is_some()).await?;
    api.set_webhook(AGENT, &failing.url("/")).await?;
    assert_eq!(stored_webhook(&api).await?.health, Health::default());
    Ok(())
}

#[tokio::test]
async fn a_slow_endpoint_waits_in_the_slow_lane_until_it_answers_in_time() -> Result<()> {
    let (api, slow) = (Api::start().await?, Receiver::start(&[Step::Late(Duration::from_secs(3), 200)]).await?);
    api.set_webhook(AGENT, &slow.url("/")).await?;
    publish(&api, AGENT).await?;
    let slow_webhook = wait_for_webhook(&api, |webhook| webhook.health.slow_since.is_some()).await?;
    assert_eq!(slow_webhook.health.failing_since, None);
    assert_eq!(api.deliveries(AGENT).await?.len(), 0, "the health changes before the attempt ends");
    publish(&api, AGENT).await?;
    slow.wait_for(2).await?;
    wait_for_webhook(&api, |webhook| webhook.health.slow_since.is_none()).await?;
    api.idle().await?;
    let deliveries = api.deliveries(AGENT).await?;
    assert!(deliveries.iter().all(|delivery| delivery["status"] == "success" && delivery["attemptCount"] == 1));
    Ok(())
}

/// Measures how long other customers' events take while one customer's endpoint hangs under ten times their traffic.
#[tokio::test]
async fn nobodys_slow_endpoint_delays_another() -> Result<()> {
    let (api, well) = (Api::start().await?, Receiver::start(&[]).await?);
    let hanging = Receiver::start(&[const { Step::Hang }; 2000]).await?;
    api.set_webhook(OTHER_AGENT, &well.url("/")).await?;
    api.set_webhook(AGENT, &hanging.url("/")).await?;
    let alone = p99(&api, &well, 0).await?;
    publish(&api, AGENT).await?;
    wait_for_webhook(&api, |webhook| webhook.health.slow_since.is_some()).await?;
    let beside = p99(&api, &well, 10).await?;
    // Beside all the other tests, a delay of a second is chance. Without the slow lane it would be the hanging
    // endpoint's 30 seconds.
    let floor = if is_long() { Duration::ZERO } else { Duration::from_secs(3) };
    let bound = (alone * 2).max(floor);
    let (alone_ms, beside_ms) = (alone.as_millis(), beside.as_millis());
    let tried = format!("p99 {beside_ms} ms beside it, {alone_ms} ms alone");
    print_row("sends ten times the traffic to a hanging endpoint", &tried, None);
    assert!(beside <= bound, "{beside:?} beside a hanging endpoint, {alone:?} alone");
    assert!(hanging.received().len() > 10, "the hanging endpoint gets attempts, too");
    Ok(())
}

/// Publishes 100 events, one every 100 ms, and returns the 99th percentile of the time from publishing to receipt.
/// Halfway between two of these events, it publishes `noise` events for the hanging endpoint.
async fn p99(api: &Api, receiver: &Receiver, noise: usize) -> Result<Duration> {
    let (before, mut waits) = (receiver.received().len(), Vec::new());
    let hanging = vec![json!({ "type": "a", "agent_id": AGENT, "data": {} }); noise.max(1)];
    let mut beat = tokio::time::interval(Duration::from_millis(50));
    for n in 1..=100 {
        beat.tick().await;
        if noise > 0 {
            let answer = api.post("/v1/events", &json!({ "events": hanging })).await?;
            assert_eq!((answer.status, &answer.body["error"]), (202, &Value::Null));
        }
        beat.tick().await;
        let start = Instant::now();
        publish(api, OTHER_AGENT).await?;
        receiver.wait_for(before + n).await?;
        waits.push(start.elapsed());
    }
    waits.sort_unstable();
    Ok(waits[98])
}
