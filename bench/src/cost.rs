//! Runs whose calls to AWS are counted: how events are published, and how many attempts succeed.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use serde::Serialize;
use tokio::task::JoinSet;

use crate::count::Tally;
use crate::price::{Cost, Prices};
use crate::process::Process;
use crate::receiver::{Manner, Receiver};
use crate::work::{Platform, Work};

/// How long an endpoint takes to answer.
const ENDPOINT_PAUSE: Duration = Duration::from_millis(100);

/// How long everything may take to arrive.
const PATIENCE: Duration = Duration::from_secs(180);

/// A way to publish.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Way {
    name: &'static str,
    batch: usize,
    /// Requests at once; with one, each event is delivered before the next is published.
    publishers: usize,
}

const WAYS: [Way; 3] = [
    Way { name: "batches of 10", batch: 10, publishers: 32 },
    Way { name: "single, busy", batch: 1, publishers: 64 },
    Way { name: "single, one at a time", batch: 1, publishers: 1 },
];

const FAILING_PERCENTS: [u64; 3] = [0, 1, 30];

/// One row.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Row {
    pub(crate) publishing: &'static str,
    pub(crate) succeeding_percent: u64,
    pub(crate) dollars_a_million: f64,
    pub(crate) cost: Cost,
}

/// The ways of publishing and the success rates, but for those that nobody would pay attention to.
pub(crate) fn kinds() -> impl Iterator<Item = (Way, u64)> {
    let all = WAYS.iter().flat_map(|way| FAILING_PERCENTS.map(|failing| (*way, failing)));
    // One at a time, nothing but the size of batches differs.
    all.filter(|(way, failing)| way.publishers > 1 || *failing == 0)
}

/// Delivers so many events, and prices them.
pub(crate) async fn run(
    (way, failing_percent): (Way, u64),
    receiver: &Arc<Receiver>,
    events: usize,
    prices: &Prices,
) -> Result<Row> {
    let manner = Manner { failing_percent, pause: ENDPOINT_PAUSE };
    let work = Work { name: way.name, batch: way.batch, webhooks: 1, manner, window: way.publishers * way.batch };
    let stores = Process::start(&["stores"]).await?;
    let mut functions = Process::start(&["functions", "--stores-url", &stores.url, "--count"]).await?;
    let platform = Platform::new(&functions.url);
    platform.set_up(&work, &receiver.url).await?;
    receiver.reset(manner);
    receiver.widen(work.window);
    functions.ask::<Tally>("counts").await?;
    let cpu_before = functions.cpu()?;

    let requests = if way.publishers == 1 { events / 10 } else { events } / way.batch;
    let mut publishers = JoinSet::new();
    for publisher in 0..way.publishers {
        let (platform, receiver) = (platform.clone(), receiver.clone());
        let share = requests / way.publishers + usize::from(publisher < requests % way.publishers);
        publishers.spawn(async move {
            for _ in 0..share {
                receiver.take(u32::try_from(work.batch)?).await?;
                platform.publish(&work, &receiver).await?;
            }
            anyhow::Ok(())
        });
    }
    while let Some(published) = publishers.join_next().await {
        published??;
    }
    let delivered = (requests * way.batch) as u64;
    receiver.wait_for(delivered, PATIENCE).await?;
    // What is logged after the last answer.
    tokio::time::sleep(Duration::from_millis(500)).await;
    let tally: Tally = functions.ask("counts").await?;
    let cpu_s = (functions.cpu()? - cpu_before).as_secs_f64();
    let cost = Cost::of(&tally, prices, delivered, cpu_s);
    Ok(Row { publishing: way.name, succeeding_percent: 100 - failing_percent, dollars_a_million: cost.total(), cost })
}
