//! The pollers ramp up as Lambda's do: five batches at once, and 300 more a minute while messages wait.

use std::time::{Duration, Instant};

use anyhow::Result;
use serde_json::{Value, json};

use crate::receiver::{Receiver, Step};
use crate::stack::{AGENT, Api};

/// Batches at first.
const START: usize = 5;
/// Deliveries in a batch.
const BATCH: usize = 10;

#[tokio::test(flavor = "multi_thread")]
async fn a_backlog_raises_the_number_of_batches_in_progress() -> Result<()> {
    let receiver = Receiver::start(&vec![Step::Hang; 1000]).await?;
    let api = Api::unswept().await?;
    api.set_webhook(AGENT, &receiver.url("/")).await?;
    let events: Vec<Value> = (0..100).map(|n| json!({ "type": "a", "agent_id": AGENT, "data": { "n": n } })).collect();
    let start = Instant::now();
    assert_eq!(api.post("/v1/events", &json!({ "events": events })).await?.status, 202);
    receiver.wait_for(START * BATCH + 1).await?;
    let ramp = Duration::from_millis(200);
    assert!(start.elapsed() >= ramp, "a sixth batch started after {:?}", start.elapsed());
    receiver.wait_for(2 * START * BATCH).await?;
    assert!(start.elapsed() >= ramp * 5, "ten batches after {:?}", start.elapsed());
    Ok(())
}
