//! Nothing accepted is lost. SIGKILL ends the functions' process at random moments, while the stores live on in another
//! process, as on AWS.
//!
//! `PROMISES=long cargo test -p switchhook-tests kills -- --nocapture`: 50 kills over 10,000 events.

use std::collections::{BTreeMap, BTreeSet};
use std::net::TcpListener;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use aws_sdk_sqs::Client as Sqs;
use local::aws;
use serde_json::{Value, json};

use crate::process::Process;
use crate::promises::{Outcome, is_long, print_row};
use crate::receiver::{Received, Receiver};
use crate::stack::{AGENT, Client, queue_url_of};

/// Events in one request.
const BATCH: usize = 20;
/// Seconds for which SQS hides a message in flight. Recovery from a kill begins after them. In production they are
/// minutes.
const VISIBILITY_S: &str = "3";
/// How long everything may take to arrive after the last kill.
const PATIENCE: Duration = Duration::from_secs(120);

/// Publishes every event until it is accepted. Returns the number of requests that failed, or got no 202.
async fn publish(client: Client, events: usize) -> Result<usize> {
    let mut failures = 0;
    for first in (0..events).step_by(BATCH) {
        let numbers = first..(first + BATCH).min(events);
        let batch: Vec<Value> = numbers
            .map(|n| json!({ "type": "a", "id": format!("e-{n}"), "agent_id": AGENT, "data": { "n": n } }))
            .collect();
        let body = json!({ "events": batch });
        while !client.post("/v1/events", &body).await.is_ok_and(|answer| answer.status == 202) {
            failures += 1;
            // Until the next process has started.
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    Ok(failures)
}

/// A number below `bound` from a sequence that is the same in every run.
fn next_random(state: &mut u64, bound: u64) -> u64 {
    // The constants of Knuth's MMIX generator.
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*state >> 33) % bound
}

fn event_numbers(received: &[Received]) -> BTreeSet<u64> {
    received.iter().filter_map(|received| received.json()["data"]["n"].as_u64()).collect()
}

/// Redrives the messages that killed processes received too often, as an operator does.
async fn redrive(sqs: &Sqs) -> Result<usize> {
    let mut count = 0;
    for queue in ["Events", "Deliveries", "Retries"] {
        let dead_letters = queue_url_of(&format!("{queue}DeadLetters"));
        let received = sqs.receive_message().queue_url(&dead_letters).max_number_of_messages(10).send().await?;
        for message in received.messages.unwrap_or_default() {
            let body = message.body().unwrap_or_default();
            sqs.send_message().queue_url(queue_url_of(&format!("{queue}Queue"))).message_body(body).send().await?;
            let handle = message.receipt_handle().unwrap_or_default();
            sqs.delete_message().queue_url(&dead_letters).receipt_handle(handle).send().await?;
            count += 1;
        }
    }
    Ok(count)
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_accepted_is_lost_however_often_the_functions_are_killed() -> Result<()> {
    let (kills, events) = if is_long() { (50, 10_000) } else { (5, 600) };
    let receiver = Receiver::start(&[]).await?;
    let stores = Process::spawn("0", &["--in-memory", "stores"], &[]).await?;
    let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port().to_string();
    let environment = [
        ("STORES_URL", stores.url.as_str()),
        ("RETRY_SCHEDULE", "1s,1s,1s,1s,1s"),
        ("VISIBILITY_TIMEOUT_S", VISIBILITY_S),
    ];
    let mut functions = Process::spawn(&port, &[], &environment).await?;
    let sqs = Sqs::new(&aws::config(&stores.url).await);
    functions.client.set_webhook(AGENT, &receiver.url("/")).await?;
    let publishing = tokio::spawn(publish(functions.client.clone(), events));
    let mut random_state = 42;
    for _ in 0..kills {
        tokio::time::sleep(Duration::from_millis(50 + next_random(&mut random_state, 700))).await;
        functions.kill().await?;
        functions = Process::spawn(&port, &[], &environment).await?;
    }
    let failures = publishing.await??;
    let (start, mut redriven) = (Instant::now(), 0);
    while event_numbers(&receiver.received()).len() < events && start.elapsed() < PATIENCE {
        redriven += redrive(&sqs).await?;
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let received = receiver.received();
    let lost = events - event_numbers(&received).len();
    let mut ids: BTreeMap<u64, BTreeSet<String>> = BTreeMap::new();
    for received in &received {
        let number = received.json()["data"]["n"].as_u64().unwrap_or_default();
        ids.entry(number).or_default().insert(received.header("webhook-id").to_owned());
    }
    let outcome = Outcome { lost, duplicated: received.len() - ids.len(), server_errors: failures };
    let tried = format!("{kills} kills, {events} events; {redriven} messages brought back from dead letters");
    print_row("kills the functions (SIGKILL)", &tried, Some(outcome));
    ensure!(lost == 0, "{lost} of {events} were lost");
    ensure!(ids.values().all(|ids| ids.len() == 1), "a repeat has the same webhook-id");
    functions.kill().await?;
    stores.kill().await
}
