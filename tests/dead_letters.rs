//! A message that no function can read ends in a dead-letter queue. Nothing that a customer does ends there.

use anyhow::{Context, Result};
use domain::{AgentId, DialectName, Owner, Webhook};
use serde_json::json;

use crate::receiver::{Receiver, Step};
use crate::stack::{AGENT, Api, OTHER_AGENT, wait_until};

const DEAD_LETTERS: [&str; 3] = ["EventsDeadLetters", "DeliveriesDeadLetters", "RetriesDeadLetters"];

async fn dead_letter_counts(api: &Api) -> Result<[usize; 3]> {
    let mut counts = [0; 3];
    for (count, queue) in counts.iter_mut().zip(DEAD_LETTERS) {
        *count = api.queue_length(queue).await?;
    }
    Ok(counts)
}

/// Waits until each dead-letter queue holds the expected number of messages.
async fn wait_for_dead_letters(api: &Api, expected: [usize; 3]) -> Result<()> {
    wait_until("dead letters", async || Ok((dead_letter_counts(api).await? == expected).then_some(()))).await
}

#[tokio::test]
async fn a_message_that_no_function_can_read_ends_in_the_dead_letters_and_holds_up_nothing() -> Result<()> {
    let (api, receiver) = (Api::with(&[("VISIBILITY_TIMEOUT_S", "1")]).await?, Receiver::start(&[]).await?);
    api.set_webhook(AGENT, &receiver.url("/")).await?;
    for queue in ["EventsQueue", "DeliveriesQueue", "RetriesQueue", "TasksQueue"] {
        api.enqueue(queue, r#"{"v": 99}"#).await?;
    }
    api.publish(&json!({ "type": "a", "agent_id": AGENT, "data": {} })).await?;
    receiver.wait_for(1).await?;
    wait_for_dead_letters(&api, [1, 1, 1]).await?;
    assert_eq!(receiver.received().len(), 1);
    Ok(())
}

#[tokio::test]
async fn an_event_that_cannot_be_fanned_out_is_requeued_alone_and_the_others_are_delivered_once() -> Result<()> {
    let (api, receiver) = (Api::with(&[("VISIBILITY_TIMEOUT_S", "1")]).await?, Receiver::start(&[]).await?);
    for agent in [AGENT, OTHER_AGENT] {
        api.set_webhook(agent, &receiver.url("/")).await?;
    }
    let (store, [tenant, _]) = (api.store().await?, local::demo::tenants());
    let primary =
        store.owned(&tenant, &Owner::Agent(AgentId::parse(OTHER_AGENT)?)).await?.primary_webhook().context("set")?;
    let of_another_release = Webhook { dialect: DialectName::new("later"), ..primary.clone() };
    store.replace(&tenant, Some(&primary), &of_another_release).await?;
    let event = |agent| json!({ "type": "a", "agent_id": agent, "data": {} });
    let events = [AGENT, OTHER_AGENT, AGENT].map(event);
    assert_eq!(api.post("/v1/events", &json!({ "events": events })).await?.status, 202);
    wait_for_dead_letters(&api, [1, 0, 0]).await?;
    assert_eq!(receiver.received().len(), 2);
    Ok(())
}

#[tokio::test]
async fn nothing_that_a_customer_does_ends_in_the_dead_letters() -> Result<()> {
    let settings = [("VISIBILITY_TIMEOUT_S", "1"), ("RETRY_SCHEDULE", ""), ("ALLOWED_NETWORKS", "127.0.0.0/8")];
    let api = Api::with(&settings).await?;
    let receiver = Receiver::start(&[404, 410, 500, 302, 429].map(Step::Status)).await?;
    let urls = [
        receiver.url("/404"),
        receiver.url("/410"),
        receiver.url("/500"),
        receiver.url("/302"),
        receiver.url("/429"),
        "http://127.0.0.1:1/".to_owned(),
        "http://no-such-host.invalid/".to_owned(),
        "http://10.0.0.1/".to_owned(),
        "http://[::ffff:169.254.169.254]/".to_owned(),
    ];
    for (number, url) in urls.iter().enumerate() {
        api.set_webhook(AGENT, url).await?;
        api.publish(&json!({ "type": "a", "agent_id": AGENT, "data": {} })).await?;
        api.idle().await?;
        let deliveries = api.deliveries(AGENT).await?;
        assert_eq!(deliveries.len(), number + 1, "{url}");
        assert_eq!(deliveries[0]["status"], "failed", "{url}");
        assert!(deliveries[0]["errorMessage"].is_string(), "{url}");
    }
    assert_eq!(dead_letter_counts(&api).await?, [0, 0, 0]);
    Ok(())
}
