//! Publishes at a fixed rate, however long each request takes (an open loop). Meanwhile it measures latency, backlog and
//! memory, period by period.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use serde::Serialize;
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

use crate::measure::{PATIENCE, to_f64};
use crate::percentiles::Percentiles;
use crate::process::Process;
use crate::receiver::Receiver;
use crate::work::{Platform, Work};

/// The time between two samples of backlog and memory.
const SAMPLE_INTERVAL: Duration = Duration::from_millis(100);

/// The load, and the measured process.
pub(crate) struct Load<'a> {
    pub(crate) platform: &'a Platform,
    pub(crate) receiver: &'a Arc<Receiver>,
    pub(crate) work: &'a Work,
    pub(crate) process: &'a Process,
}

/// A fixed rate for so many periods.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) events_a_second: f64,
    pub(crate) period: Duration,
    pub(crate) periods: u32,
}

/// The figures of one period.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Period {
    /// The rate of the platform.
    pub(crate) events_a_second: f64,
    /// From publishing to receipt, of the deliveries that arrived in the period.
    pub(crate) latency: Percentiles,
    /// Deliveries that were accepted and had not arrived: the most, and those at the end.
    pub(crate) backlog_max: u64,
    pub(crate) backlog_end: u64,
    /// Resident memory of the process at the period's end: the mean of the last tenth of the samples.
    pub(crate) memory_mib: f64,
}

/// Publishes by this plan. Then waits until every delivery has arrived, and counts these deliveries to the last period.
pub(crate) async fn run(load: &Load<'_>, plan: Plan) -> Result<Vec<Period>> {
    load.receiver.reset(load.work.behavior);
    let (start, accepted) = (Instant::now(), Arc::new(AtomicU64::new(0)));
    let end = start + plan.period * plan.periods;
    let (platform, receiver, work) = (load.platform.clone(), load.receiver.clone(), *load.work);
    let mut publishing = tokio::spawn(publish(platform, receiver, work, plan.events_a_second, end, accepted.clone()));
    let mut periods = Vec::new();
    for number in 1..=plan.periods {
        let samples = Samples::take(load, &accepted, start + plan.period * number).await?;
        if number == plan.periods {
            load.receiver.wait_for((&mut publishing).await??, PATIENCE).await?;
        } else {
            ensure!(!publishing.is_finished(), "publishing ended early");
        }
        let latencies = load.receiver.take_latencies();
        ensure!(!latencies.is_empty(), "no delivery has the number of its event");
        periods.push(samples.period(plan, latencies));
    }
    Ok(periods)
}

/// Publishes until `end`, and counts the deliveries of accepted events. Returns the number of all deliveries.
async fn publish(
    platform: Platform,
    receiver: Arc<Receiver>,
    work: Work,
    events_a_second: f64,
    end: Instant,
    accepted: Arc<AtomicU64>,
) -> Result<u64> {
    let mut ticks = tokio::time::interval(Duration::from_secs_f64(to_f64(work.batch as u64) / events_a_second));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let (mut requests, mut expected) = (JoinSet::new(), 0);
    let deliveries = (work.batch * work.webhooks) as u64;
    while Instant::now() < end {
        ticks.tick().await;
        let (platform, receiver, accepted) = (platform.clone(), receiver.clone(), accepted.clone());
        expected += deliveries;
        requests.spawn(async move {
            platform.publish(&work, &receiver).await?;
            accepted.fetch_add(deliveries, Ordering::Relaxed);
            anyhow::Ok(())
        });
        while let Some(answered) = requests.try_join_next() {
            answered??;
        }
    }
    while let Some(answered) = requests.join_next().await {
        answered??;
    }
    Ok(expected)
}

/// The samples of one period.
#[derive(Default)]
struct Samples {
    backlog: Vec<u64>,
    memory_mib: Vec<f64>,
}

impl Samples {
    /// Takes samples until `end`, and at least one.
    async fn take(load: &Load<'_>, accepted: &AtomicU64, end: Instant) -> Result<Self> {
        let mut samples = Self::default();
        loop {
            let backlog = accepted.load(Ordering::Relaxed).saturating_sub(load.receiver.delivered());
            samples.backlog.push(backlog);
            samples.memory_mib.push(load.process.memory_mib()?);
            if Instant::now() >= end {
                return Ok(samples);
            }
            tokio::time::sleep(SAMPLE_INTERVAL).await;
        }
    }

    fn period(&self, plan: Plan, latencies: Vec<Duration>) -> Period {
        let last = self.memory_mib.len().div_ceil(10);
        let memory_mib = self.memory_mib.iter().rev().take(last).sum::<f64>() / to_f64(last as u64);
        Period {
            events_a_second: plan.events_a_second,
            latency: Percentiles::of(latencies),
            backlog_max: self.backlog.iter().copied().max().unwrap_or_default(),
            backlog_end: self.backlog.last().copied().unwrap_or_default(),
            memory_mib,
        }
    }
}
