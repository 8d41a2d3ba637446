//! Simulates one second of a load that is too large for one machine. Each function has as many processes as Lambda
//! would run, each with caches and a clock of its own. DynamoDB is the embedded one, SQS is a list in this program, and
//! the customers' endpoint is real.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use domain::time::{Clock, Timestamp};
use domain::{AgentId, Owner};
use functions::access::Resource;
use functions::function::Function;
use functions::pipeline::{deliver, fan_out, publish_events};
use futures::{TryStreamExt, stream};
use local::aws;
use local::demo;
use local::stack::{Stack, StoresAt};
use local::stores::DataLocation;
use serde::Serialize;
use serde_json::{Value, json};
use tokio::sync::Mutex as AsyncMutex;
use usecases::app::App;
use usecases::hot_keys::HotKeyDetector;
use usecases::ttl_cache::TtlCache;

use crate::count::{self, Counts};
use crate::event::event;
use crate::keys::{Keys, TableUsage};
use crate::measure::to_f64;
use crate::price::{Cost, LAMBDA_GB, Prices};
use crate::receiver::{Behavior, Receiver};
use crate::sent::{self, Queues, Sent};
use crate::simulated::{BATCH, batches, invoke_with};
use crate::work::{Platform, Work};

/// Events of the project in the simulated second.
pub(crate) const EVENTS: usize = 100_000;

/// One event of this many belongs to the busy agent, so that its webhook gets 10,000 deliveries a second.
const BUSY_ONE_IN: usize = 10;

/// The other agents, each with a webhook of its own.
const AGENTS: usize = 1_000;

/// Attempts of a hundred that fail.
pub(crate) const FAILING_PERCENT: u64 = 5;

/// Events published before the counted second, to fill the processes' caches.
const WARM_UP: usize = EVENTS / 5;

/// Concurrent batches on this machine.
const AT_ONCE: usize = 16;

/// A function, and the assumed time of one of its invocations on AWS.
struct Stage {
    function: Function,
    invocation: Duration,
}

const PUBLISH: Stage = Stage { function: publish_events::FUNCTION, invocation: Duration::from_millis(10) };
const FAN_OUT: Stage = Stage { function: fan_out::FUNCTION, invocation: Duration::from_millis(60) };
/// The endpoint is assumed to answer in 100 ms.
const DELIVER: Stage = Stage { function: deliver::FUNCTION, invocation: Duration::from_millis(120) };

/// The invocations of a function in the simulated second.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct StageResult {
    pub(crate) function: &'static str,
    pub(crate) invocations: usize,
    /// The assumed time of one invocation on AWS.
    pub(crate) invocation_s: f64,
    pub(crate) processes: usize,
}

/// The simulated second.
#[derive(Debug, Serialize)]
pub(crate) struct Second {
    pub(crate) stages: Vec<StageResult>,
    pub(crate) tables: Vec<TableUsage>,
    pub(crate) attempts: u64,
    pub(crate) cost: Cost,
}

/// One process of a function: its `App`, and the time that its clock shows, in milliseconds.
type Process = AsyncMutex<(App, Arc<AtomicI64>)>;

struct Simulation {
    queues: Queues,
    start: Timestamp,
    publishers: Vec<Process>,
    fanners: Vec<Process>,
    deliverers: Vec<Process>,
}

/// Simulates the second.
pub(crate) async fn run(receiver: &Receiver) -> Result<Second> {
    let (keys, counts, queues) = (Keys::default(), Arc::new(Counts::default()), Queues::default());
    let stores = local::stores::Stores::start(&DataLocation::Memory, 0).await?;
    let mut app = None;
    let stack = Stack::start_with(
        0,
        &StoresAt::Url(stores.url.clone()),
        |_| None,
        async |own: &mut App| app = Some(own.clone()),
    )
    .await?;
    let mut app = app.context("no App")?;
    let config = aws::config(&stores.url).await;
    let dynamodb = config.to_builder().http_client(keys.client()).build();
    let sqs = config.into_builder().http_client(sent::client(&queues)).build();
    count::stand_in_with(&mut app, &dynamodb, &sqs, &counts);
    let behavior = Behavior { failing_percent: FAILING_PERCENT, pause: Duration::ZERO };
    receiver.reset(behavior);
    let work = Work { name: "scale", batch: BATCH, agents: AGENTS + 1, webhooks: 1, behavior, window: 0 };
    Platform::new(&stack.url).set_up(&work, &receiver.url).await?;

    // After a few seconds of this load, the busy webhook's log is spread over 16 shards.
    let [tenant, _] = demo::tenants();
    for webhook in app.store.owned(&tenant, &Owner::Agent(AgentId::parse("agt_0")?)).await?.webhooks {
        app.store.spread_log(&tenant, &webhook, 16, Timestamp::from_millis(0)).await?;
    }
    let simulation = Simulation::new(app, queues);
    simulation.work(0, WARM_UP).await?;
    keys.reset();
    counts.take();
    let before = receiver.attempts();
    let stages = simulation.work(WARM_UP, EVENTS).await?;
    let attempts = receiver.attempts() - before;
    stack.stop().await;
    let gb_seconds = stages.iter().map(|stage| to_f64(stage.invocations as u64) * stage.invocation_s * LAMBDA_GB).sum();
    let mut tally = counts.take();
    for stage in &stages {
        tally.invocations.entry(stage.function.to_owned()).or_default().count += stage.invocations as u64;
    }
    let cost = Cost::of(&tally, &Prices::listed()?, EVENTS as u64, gb_seconds);
    Ok(Second { stages, tables: keys.usage_by_table(), attempts, cost })
}

impl Simulation {
    fn new(app: App, queues: Queues) -> Self {
        let start = app.clock.now();
        let requests = EVENTS / BATCH;
        let processes =
            |stage: &Stage, a_second: usize| (0..process_count(stage, a_second)).map(|_| new_process(&app)).collect();
        Self {
            publishers: processes(&PUBLISH, requests),
            // The events of a request travel in one message or two.
            fanners: processes(&FAN_OUT, requests / BATCH),
            deliverers: processes(&DELIVER, EVENTS / BATCH),
            queues,
            start,
        }
    }

    /// Publishes `events` events, and handles all their messages. Retries are included, because the retries of earlier
    /// seconds are as many.
    async fn work(&self, first: usize, events: usize) -> Result<Vec<StageResult>> {
        let requests: Vec<Value> = (first..first + events).step_by(BATCH).map(batch_request).collect();
        let from = |ms: usize| self.start.plus(Duration::from_millis(ms as u64));
        let started = from(first * 1000 / EVENTS);
        let mut results = vec![self.run_stage(&PUBLISH, &self.publishers, requests, started).await?];
        let (messages, _) = self.take_sent();
        results.push(self.run_stage(&FAN_OUT, &self.fanners, batches(messages), started).await?);
        let (firsts, mut retries) = self.take_sent();
        results.push(self.run_stage(&DELIVER, &self.deliverers, batches(firsts), started).await?);
        retries.extend(self.take_sent().1);
        let mut now = started;
        while !retries.is_empty() {
            // Each round of retries happens two days later, when all of them are due.
            now = now.plus(Duration::from_secs(2 * 24 * 60 * 60));
            results.push(self.run_stage(&DELIVER, &self.deliverers, batches(retries), now).await?);
            retries = self.take_sent().1;
        }
        Ok(results)
    }

    /// Invokes a function once for each input, spread evenly over the second from `started` on.
    async fn run_stage(
        &self,
        stage: &Stage,
        all: &[Process],
        inputs: Vec<Value>,
        started: Timestamp,
    ) -> Result<StageResult> {
        let (function, invocations) = (stage.function, inputs.len());
        // Only as many processes as this load keeps busy: a round of few retries needs few.
        let count = process_count(stage, invocations).min(all.len());
        let all = all.get(..count).unwrap_or(all);
        stream::iter(inputs.into_iter().enumerate().map(Ok))
            .try_for_each_concurrent(AT_ONCE, |(number, input)| async move {
                let process = all.get(number % count).context("a process")?.lock().await;
                let passed = Duration::from_secs(1).mul_f64(ratio(number, invocations));
                process.1.store(started.plus(passed).millis(), Ordering::Relaxed);
                invoke_with(&process.0, function, input).await
            })
            .await?;
        let invocation_s = stage.invocation.as_secs_f64();
        Ok(StageResult { function: function.name, invocations, invocation_s, processes: count })
    }

    /// Takes the messages that were sent since the last call: those to handle at once, and retries.
    fn take_sent(&self) -> (Vec<Sent>, Vec<Sent>) {
        let sent = std::mem::take(&mut *self.queues.lock().unwrap_or_else(PoisonError::into_inner));
        sent.into_iter().partition(|sent| sent.queue != Resource::RetriesQueue.name().0)
    }
}

/// The number of processes that Lambda runs for `a_second` invocations a second.
fn process_count(stage: &Stage, a_second: usize) -> usize {
    let busy = stage.invocation.mul_f64(ratio(a_second, 1));
    usize::try_from(busy.as_secs()).unwrap_or(usize::MAX).max(1)
}

#[allow(clippy::cast_precision_loss, reason = "far below 2^52")]
fn ratio(part: usize, whole: usize) -> f64 {
    part as f64 / whole as f64
}

/// A process with the same settings and clients as `app`, but with caches and a clock of its own.
fn new_process(app: &App) -> Process {
    let shown = Arc::new(AtomicI64::new(app.clock.now().millis()));
    let clock = shown.clone();
    let mut app = app.clone();
    app.clock = Clock::from_fn(move || Timestamp::from_millis(clock.load(Ordering::Relaxed)));
    app.api_key_cache = TtlCache::new(Duration::from_secs(1));
    app.webhook_cache = TtlCache::new(Duration::from_secs(1));
    app.hot_webhooks = HotKeyDetector::default();
    // At this load, DynamoDB would refuse some reads of the project's webhooks. Then publishing leaves them to fan-out.
    app.long_way_tenants = TtlCache::new(Duration::from_secs(60));
    let ([tenant, _], now) = (demo::tenants(), app.clock.now());
    app.long_way_tenants.insert(tenant, (), now, now);
    AsyncMutex::new((app, shown))
}

/// A request with a batch of events, numbered from `first` on.
fn batch_request(first: usize) -> Value {
    let of = |number: usize| if number.is_multiple_of(BUSY_ONE_IN) { 0 } else { 1 + number % AGENTS };
    let events: Vec<Value> =
        (first..first + BATCH).map(|number| event(&format!("agt_{}", of(number)), number)).collect();
    json!({ "events": events })
}
