//! The cost of deliveries that fail and wait for their next attempt: a simulated day.
//!
//! The functions are the real ones, on a clock that jumps from minute to minute. DynamoDB is the embedded one, and SQS is a
//! list that delays messages as SQS does. Nothing here knows how a delivery waits: the simulation invokes a function if a
//! queue of it has a visible message, and each scheduled function at its interval. So the figure can be compared across
//! changes of the pipeline. Every batch is as full as the messages that are visible in the same minute allow.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use domain::time::{Clock, Timestamp};
use functions::access::Resource;
use functions::function::{Function, Trigger};
use functions::functions::FUNCTIONS;
use functions::pipeline::{fan_out, publish_events};
use local::aws;
use local::demo::AGENTS;
use local::stack::{Stack, StoresAt};
use serde::Serialize;
use serde_json::{Value, json};
use usecases::app::App;

use crate::count::{self, Counts, Tally};
use crate::event::event;
use crate::measure::to_f64;
use crate::price::{Cost, Prices, gb_seconds};
use crate::process::Process;
use crate::receiver::{Behavior, Receiver};
use crate::sent::{self, Queues, Sent};
use crate::simulated::{BATCH, batches, invoke_with};
use crate::work::{Platform, WORKS};

/// The measured schedules. With the first, a delivery fails once and then waits for the whole day. The last is the default.
/// The webhook is AgentPhone's, which retries five times.
pub(crate) const SCHEDULES: [&str; 3] = ["24h", "5h,5h,5h,5h,5h", "5s,5m,30m,2h,5h,10h,10h,14h,20h,24h"];

const MINUTES_A_DAY: i64 = 24 * 60;

const MINUTE_MS: i64 = 60_000;

/// After this time, the pipeline reads a webhook again instead of using a message's snapshot.
const SNAPSHOT_MS: i64 = 2_000;

/// Every attempt fails.
const FAILING: Behavior = Behavior { failing_percent: 100, pause: Duration::ZERO };

/// The figures of one schedule.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Row {
    pub(crate) schedule: &'static str,
    /// Attempts that a delivery makes in the day.
    pub(crate) attempts: f64,
    /// The cost of a million deliveries for a day, from their first attempt on.
    pub(crate) cost: Cost,
}

/// Measures one schedule with so many deliveries, and subtracts the cost of a day without deliveries.
pub(crate) async fn run(
    schedule: &'static str,
    deliveries: usize,
    receiver: &Arc<Receiver>,
    prices: &Prices,
) -> Result<Row> {
    receiver.reset(FAILING);
    let stores = Process::start(&["stores"]).await?;
    let (stores_url, url) = (stores.url.as_str(), receiver.url.as_str());
    let role = ["waiting", "--stores-url", stores_url, "--receiver-url", url, "--retry-schedule", schedule];
    let mut days = Process::start(&role).await?;
    let idle = cost_of_day(&mut days, 0, deliveries, prices).await?;
    let busy = cost_of_day(&mut days, deliveries, deliveries, prices).await?;
    let attempts = to_f64(receiver.attempts()) / to_f64(deliveries as u64);
    Ok(Row { schedule, attempts, cost: busy.minus(&idle) })
}

/// The cost of a day with `waiting` deliveries, divided by `deliveries`.
async fn cost_of_day(days: &mut Process, waiting: usize, deliveries: usize, prices: &Prices) -> Result<Cost> {
    let cpu_before = days.cpu()?;
    let tally: Tally = days.ask(&waiting.to_string()).await?;
    let cpu_s = (days.cpu()? - cpu_before).as_secs_f64();
    Ok(Cost::of(&tally, prices, deliveries as u64, gb_seconds(&tally, cpu_s)))
}

/// Simulates one day after another.
pub(crate) struct Days {
    app: App,
    /// The time that the functions see, in Unix milliseconds.
    shown: Arc<AtomicI64>,
    counts: Arc<Counts>,
    queues: Queues,
    /// Messages by the time at which SQS shows them.
    hidden: BTreeMap<i64, Vec<Sent>>,
}

impl Days {
    /// Registers a webhook of a demo agent at `receiver_url`.
    pub(crate) async fn start(
        stores_url: &str,
        receiver_url: &str,
        retry_schedule: &str,
        counts: &Arc<Counts>,
    ) -> Result<Self> {
        let setting = |name: &str| match name {
            "RETRY_SCHEDULE" => Some(retry_schedule.to_owned()),
            // With jitter, a wait of 24 hours could end within the day.
            "RETRY_JITTER" => Some("0".to_owned()),
            _ => None,
        };
        let (mut app, at) = (None, StoresAt::Url(stores_url.to_owned()));
        let stack = Stack::start_with(0, &at, setting, async |own: &mut App| app = Some(own.clone())).await?;
        let [work, ..] = WORKS;
        Platform::new(&stack.url).set_up(&work, receiver_url).await?;
        stack.stop().await;

        let (mut app, queues) = (app.context("no App")?, Queues::default());
        let config = aws::config(stores_url).await;
        let sqs = config.to_builder().http_client(sent::client(&queues)).build();
        count::stand_in_with(&mut app, &config, &sqs, counts);
        let shown = Arc::new(AtomicI64::new(app.clock.now().millis()));
        let clock = shown.clone();
        app.clock = Clock::from_fn(move || Timestamp::from_millis(clock.load(Ordering::Relaxed)));
        Ok(Self { app, shown, counts: counts.clone(), queues, hidden: BTreeMap::new() })
    }

    /// Publishes events for so many deliveries, and simulates the day from their first attempts on. Returns the counts of
    /// that day.
    pub(crate) async fn simulate(&mut self, deliveries: usize) -> Result<Tally> {
        for first in (0..deliveries).step_by(BATCH) {
            let numbers = first..deliveries.min(first + BATCH);
            let events: Vec<Value> = numbers.map(|number| event(AGENTS[0].0, number)).collect();
            invoke_with(&self.app, publish_events::FUNCTION, json!({ "events": events })).await?;
        }
        // Events that publishing has not dispatched itself.
        let (events, deliveries): (Vec<_>, Vec<_>) =
            self.take_sent().into_iter().partition(|sent| sent.queue == Resource::EventsQueue.name().0);
        for batch in batches(events) {
            invoke_with(&self.app, fan_out::FUNCTION, batch).await?;
        }
        self.hide(deliveries);
        self.hide_sent();
        // With a snapshot in the message, all first attempts would write the webhook's health, because this clock stands
        // still while they run.
        let start = self.shown.load(Ordering::Relaxed) + SNAPSHOT_MS;
        self.counts.take();
        for minute in 0..MINUTES_A_DAY {
            self.shown.store(start + minute * MINUTE_MS, Ordering::Relaxed);
            self.invoke_queues().await?;
            self.invoke_scheduled(minute).await?;
        }
        self.shown.store(start + MINUTES_A_DAY * MINUTE_MS, Ordering::Relaxed);
        self.hidden.clear();
        Ok(self.counts.take())
    }

    fn take_sent(&self) -> Vec<Sent> {
        std::mem::take(&mut *self.queues.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Hides the messages that were sent since the last call, each for its delay.
    fn hide_sent(&mut self) {
        self.hide(self.take_sent());
    }

    fn hide(&mut self, messages: Vec<Sent>) {
        let now = self.shown.load(Ordering::Relaxed);
        for sent in messages {
            self.hidden.entry(now + i64::from(sent.delay_s) * 1000).or_default().push(sent);
        }
    }

    /// Invokes functions with the messages that are visible now, until none is left.
    async fn invoke_queues(&mut self) -> Result<()> {
        loop {
            let later = self.hidden.split_off(&(self.shown.load(Ordering::Relaxed) + 1));
            let visible = std::mem::replace(&mut self.hidden, later);
            if visible.is_empty() {
                return Ok(());
            }
            let mut by_queue: BTreeMap<String, Vec<Sent>> = BTreeMap::new();
            for sent in visible.into_values().flatten() {
                by_queue.entry(sent.queue.clone()).or_default().push(sent);
            }
            for (queue, messages) in by_queue {
                let function = function_of(&queue).with_context(|| format!("no function has the queue {queue}"))?;
                for batch in batches(messages) {
                    invoke_with(&self.app, function, batch).await?;
                }
            }
            self.hide_sent();
        }
    }

    /// Invokes the scheduled functions whose interval ends in this minute.
    async fn invoke_scheduled(&mut self, minute: i64) -> Result<()> {
        for function in FUNCTIONS {
            if let Trigger::Schedule(every, _) = function.trigger
                && minute % i64::from(every) == 0
            {
                invoke_with(&self.app, *function, Value::Null).await?;
            }
        }
        self.hide_sent();
        Ok(())
    }
}

/// The function that a queue triggers.
fn function_of(queue: &str) -> Option<Function> {
    let triggers = |function: &&Function| match function.trigger {
        Trigger::Queues(mappings, _) => mappings.iter().any(|mapping| mapping.queue.name().0 == queue),
        Trigger::Http(_) | Trigger::Schedule(..) | Trigger::Command(_) => false,
    };
    FUNCTIONS.iter().find(triggers).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_queue_of_the_pipeline_triggers_a_function() {
        for (queue, name) in [
            ("EventsQueue", "pipeline-fan-out"),
            ("DeliveriesQueue", "pipeline-deliver"),
            ("RetriesQueue", "pipeline-deliver"),
            ("TasksQueue", "pipeline-run-task"),
        ] {
            assert_eq!(function_of(queue).map(|function| function.name), Some(name));
        }
        assert!(function_of("OtherQueue").is_none());
    }
}
