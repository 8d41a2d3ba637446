//! Runs whose calls to AWS are counted and priced. They differ in how events are published and how many attempts fail.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use serde::Serialize;
use tokio::task::JoinSet;

use crate::count::Tally;
use crate::measure::to_f64;
use crate::price::{Cost, Prices, gb_seconds};
use crate::process::Process;
use crate::receiver::{Behavior, Receiver};
use crate::storage::{self, Stored};
use crate::work::{Platform, Work};

/// How long an endpoint takes to answer.
const ENDPOINT_PAUSE: Duration = Duration::from_millis(100);

/// How long all deliveries may take to arrive.
const PATIENCE: Duration = Duration::from_secs(180);

/// A way to publish.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Way {
    name: &'static str,
    batch: usize,
    agents: usize,
    /// Concurrent requests. With 1, each event is delivered before the next is published.
    publishers: usize,
    /// A setting of the functions that differs from its default: `NAME=VALUE`.
    setting: Option<&'static str>,
}

/// Names of ways to publish, which the targets refer to.
pub(crate) const BATCHES: &str = "batches of 10";
pub(crate) const MANY_AGENTS: &str = "batches of 10, each event another agent's";
pub(crate) const KEEP_FAILED: &str = "batches of 10, `KEEP_BODIES=failed`";
pub(crate) const SINGLE_BUSY: &str = "single, busy";
pub(crate) const ONE_AT_A_TIME: &str = "single, one at a time";

const WAYS: [Way; 5] = [
    Way { name: BATCHES, batch: 10, agents: 1, publishers: 32, setting: None },
    Way { name: MANY_AGENTS, batch: 10, agents: 1000, publishers: 32, setting: None },
    Way { name: KEEP_FAILED, batch: 10, agents: 1, publishers: 32, setting: Some("KEEP_BODIES=failed") },
    Way { name: SINGLE_BUSY, batch: 1, agents: 1, publishers: 64, setting: None },
    Way { name: ONE_AT_A_TIME, batch: 1, agents: 1, publishers: 1, setting: None },
];

const FAILING_PERCENTS: [u64; 3] = [0, 1, 30];

/// One row of the table.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Row {
    pub(crate) publishing: &'static str,
    pub(crate) succeeding_percent: u64,
    /// With storage.
    pub(crate) dollars_a_million: f64,
    pub(crate) cost: Cost,
    /// Dollars for storing the log entries of a million events until they expire.
    pub(crate) storage: f64,
    /// For each event.
    pub(crate) stored: Stored,
}

/// The measured pairs of a way to publish and a percentage of failing attempts. Pairs that add nothing are left out.
pub(crate) fn kinds() -> impl Iterator<Item = (Way, u64)> {
    let all = WAYS.iter().flat_map(|way| FAILING_PERCENTS.map(|failing| (*way, failing)));
    // Publishing one event at a time changes only the size of batches, many agents only the reads, and the setting only
    // the storage. Failures change none of them.
    all.filter(|(way, failing)| [BATCHES, SINGLE_BUSY].contains(&way.name) || *failing == 0)
}

/// Delivers `events` events, or a tenth of them with one publisher, and prices the calls.
pub(crate) async fn run(
    (way, failing_percent): (Way, u64),
    receiver: &Arc<Receiver>,
    events: usize,
    prices: &Prices,
) -> Result<Row> {
    let behavior = Behavior { failing_percent, pause: ENDPOINT_PAUSE };
    let Way { name, batch, agents, publishers, setting } = way;
    let work = Work { name, batch, agents, webhooks: 1, behavior, window: publishers * batch };
    let stores = Process::start(&["stores"]).await?;
    let mut role = vec!["functions", "--stores-url", &stores.url, "--count"];
    role.extend(setting.into_iter().flat_map(|setting| ["--setting", setting]));
    let mut functions = Process::start(&role).await?;
    let platform = Platform::new(&functions.url);
    platform.set_up(&work, &receiver.url).await?;
    let requests = if publishers == 1 { events / 10 } else { events } / batch;
    let before = storage::measure(&stores.url).await?;
    let counts = deliver(&work, &platform, receiver, publishers, requests, &mut functions).await?;
    let stored = storage::measure(&stores.url).await?.since(before, to_f64(counts.delivered));
    let (cost, storage) = (counts.cost(prices), prices.storage(stored));
    let dollars_a_million = cost.total() + storage;
    Ok(Row { publishing: name, succeeding_percent: 100 - failing_percent, dollars_a_million, cost, storage, stored })
}

/// The counts of a run, and its processor time.
pub(crate) struct RunCounts {
    tally: Tally,
    delivered: u64,
    cpu_s: f64,
}

impl RunCounts {
    pub(crate) fn cost(&self, prices: &Prices) -> Cost {
        Cost::of(&self.tally, prices, self.delivered, gb_seconds(&self.tally, self.cpu_s))
    }
}

/// Publishes `requests` requests from concurrent `publishers`, and waits until all events are delivered. Returns the
/// run's counts.
pub(crate) async fn deliver(
    work: &Work,
    platform: &Platform,
    receiver: &Arc<Receiver>,
    publishers: usize,
    requests: usize,
    functions: &mut Process,
) -> Result<RunCounts> {
    receiver.reset(work.behavior);
    receiver.widen(work.window);
    functions.ask::<Tally>("counts").await?;
    let cpu_before = functions.cpu()?;
    let mut publishing = JoinSet::new();
    for publisher in 0..publishers {
        let (platform, receiver, work) = (platform.clone(), receiver.clone(), *work);
        let share = requests / publishers + usize::from(publisher < requests % publishers);
        publishing.spawn(async move {
            for _ in 0..share {
                receiver.take(u32::try_from(work.batch)?).await?;
                platform.publish(&work, &receiver).await?;
            }
            anyhow::Ok(())
        });
    }
    while let Some(published) = publishing.join_next().await {
        published??;
    }
    let delivered = (requests * work.batch) as u64;
    receiver.wait_for(delivered, PATIENCE).await?;
    // Attempts are logged after the endpoint's last answer.
    tokio::time::sleep(Duration::from_millis(500)).await;
    let tally = functions.ask("counts").await?;
    Ok(RunCounts { tally, delivered, cpu_s: (functions.cpu()? - cpu_before).as_secs_f64() })
}
