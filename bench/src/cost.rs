//! Runs whose calls to AWS are counted and priced. They differ in how events are published and how many attempts fail.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use serde::Serialize;
use tokio::task::JoinSet;

use crate::count::Tally;
use crate::price::{Cost, Prices, gb_seconds};
use crate::process::Process;
use crate::receiver::{Behavior, Receiver};
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
}

const WAYS: [Way; 4] = [
    Way { name: "batches of 10", batch: 10, agents: 1, publishers: 32 },
    Way { name: "batches of 10, each event another agent's", batch: 10, agents: 1000, publishers: 32 },
    Way { name: "single, busy", batch: 1, agents: 1, publishers: 64 },
    Way { name: "single, one at a time", batch: 1, agents: 1, publishers: 1 },
];

const FAILING_PERCENTS: [u64; 3] = [0, 1, 30];

/// One row of the table.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Row {
    pub(crate) publishing: &'static str,
    pub(crate) succeeding_percent: u64,
    pub(crate) dollars_a_million: f64,
    pub(crate) cost: Cost,
}

/// The measured pairs of a way to publish and a percentage of failing attempts. Pairs that add nothing are left out.
pub(crate) fn kinds() -> impl Iterator<Item = (Way, u64)> {
    let all = WAYS.iter().flat_map(|way| FAILING_PERCENTS.map(|failing| (*way, failing)));
    // Publishing one event at a time changes only the size of batches. Many agents change only the reads. Failures
    // change neither.
    all.filter(|(way, failing)| (way.publishers > 1 && way.agents == 1) || *failing == 0)
}

/// Delivers `events` events, or a tenth of them with one publisher, and prices the calls.
pub(crate) async fn run(
    (way, failing_percent): (Way, u64),
    receiver: &Arc<Receiver>,
    events: usize,
    prices: &Prices,
) -> Result<Row> {
    let behavior = Behavior { failing_percent, pause: ENDPOINT_PAUSE };
    let Way { name, batch, agents, publishers } = way;
    let work = Work { name, batch, agents, webhooks: 1, behavior, window: publishers * batch };
    let stores = Process::start(&["stores"]).await?;
    let mut functions = Process::start(&["functions", "--stores-url", &stores.url, "--count"]).await?;
    let platform = Platform::new(&functions.url);
    platform.set_up(&work, &receiver.url).await?;
    let requests = if publishers == 1 { events / 10 } else { events } / batch;
    let counts = deliver(&work, &platform, receiver, publishers, requests, &mut functions).await?;
    let cost = counts.cost(prices);
    Ok(Row { publishing: name, succeeding_percent: 100 - failing_percent, dollars_a_million: cost.total(), cost })
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
