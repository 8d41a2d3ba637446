//! Measures one kind of work on the local stack: deliveries a second, processor time and memory under full load, and then
//! latency and backlog at fixed rates.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use serde::Serialize;
use tokio::task::JoinSet;

use crate::floor::{Floor, FloorProcess};
use crate::one_process::{Location, OneProcess};
use crate::rate::{self, Load, Period, Plan};
use crate::receiver::Receiver;
use crate::work::{Platform, Work};

/// Concurrent requests of the platform under full load. An answered request is followed by the next at once.
const PUBLISHERS: usize = 16;

/// Events a second of a quiet platform.
pub(crate) const QUIET_EVENTS_A_SECOND: f64 = 50.0;

/// How long outstanding deliveries may take to arrive.
pub(crate) const PATIENCE: Duration = Duration::from_secs(180);

/// How long each part lasts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lengths {
    pub(crate) warm_up: Duration,
    pub(crate) measured: Duration,
    /// Of each fixed rate.
    pub(crate) rate: Duration,
}

/// The figures of one kind of work.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Figures {
    pub(crate) work: &'static str,
    pub(crate) location: Location,
    /// The mean of the floor before this work and the floor after it.
    pub(crate) floor: Floor,
    pub(crate) full: FullLoad,
    /// At 50 events a second.
    pub(crate) quiet: Period,
    /// At half of the events under full load.
    pub(crate) half: Period,
}

/// The figures under full load.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct FullLoad {
    pub(crate) delivered_a_second: f64,
    /// Processor time for a delivery, of everything but the platform and the receiver.
    pub(crate) cpu_us: f64,
    /// The most memory that the process held.
    pub(crate) memory_max_mib: f64,
}

impl Figures {
    /// Deliveries a second, as a part of the floor's requests a second.
    pub(crate) fn of_floor(&self) -> f64 {
        self.full.delivered_a_second / self.floor.a_second
    }
}

/// Starts the local stack with empty stores, measures `work`, and then the floor once more.
pub(crate) async fn work(
    work: &Work,
    location: Location,
    receiver: &Arc<Receiver>,
    lengths: Lengths,
    floor: &mut FloorProcess,
) -> Result<Figures> {
    let stack = OneProcess::start(location).await?;
    let platform = Platform::new(&stack.process.url);
    receiver.reset(work.behavior);
    platform.set_up(work, &receiver.url).await?;
    let load = Load { platform: &platform, receiver, work, process: &stack.process };
    let full = full_load(&load, lengths).await?;
    settle(receiver).await?;
    let quiet = one_rate(&load, QUIET_EVENTS_A_SECOND, lengths.rate).await?;
    let half = one_rate(&load, full.delivered_a_second / to_f64(work.webhooks as u64) / 2.0, lengths.rate).await?;
    stack.stop().await?;
    Ok(Figures { work: work.name, location, floor: floor.around().await?, full, quiet, half })
}

/// Publishes as fast as the deliveries arrive (a closed loop).
async fn full_load(load: &Load<'_>, lengths: Lengths) -> Result<FullLoad> {
    let (receiver, work, process) = (load.receiver, load.work, load.process);
    let mut publishers = JoinSet::new();
    receiver.widen(work.window);
    for _ in 0..PUBLISHERS {
        publishers.spawn(publish(load.platform.clone(), receiver.clone(), *work));
    }
    tokio::time::sleep(lengths.warm_up).await;
    let (start, before, cpu_before) = (Instant::now(), receiver.delivered(), process.cpu()?);
    tokio::time::sleep(lengths.measured).await;
    let (delivered, took) = (to_f64(receiver.delivered() - before), start.elapsed());
    let cpu = process.cpu()? - cpu_before;
    ensure!(publishers.try_join_next().is_none(), "publishing failed");
    publishers.shutdown().await;
    receiver.close_window();
    Ok(FullLoad {
        delivered_a_second: delivered / took.as_secs_f64(),
        cpu_us: cpu.as_secs_f64() * 1e6 / delivered,
        memory_max_mib: process.memory_max_mib()?,
    })
}

async fn publish(platform: Platform, receiver: Arc<Receiver>, work: Work) -> Result<()> {
    loop {
        receiver.take(u32::try_from(work.batch * work.webhooks)?).await?;
        platform.publish(&work, &receiver).await?;
    }
}

/// Measures one fixed rate.
pub(crate) async fn one_rate(load: &Load<'_>, events_a_second: f64, lasting: Duration) -> Result<Period> {
    let periods = rate::run(load, Plan { events_a_second, period: lasting, periods: 1 }).await?;
    periods.into_iter().next().ok_or_else(|| anyhow::anyhow!("a period"))
}

/// Waits until no attempt has arrived for 3 seconds.
async fn settle(receiver: &Receiver) -> Result<()> {
    let (start, mut last) = (Instant::now(), (receiver.attempts(), Instant::now()));
    while last.1.elapsed() < Duration::from_secs(3) {
        ensure!(start.elapsed() < PATIENCE, "deliveries kept coming");
        if receiver.attempts() != last.0 {
            last = (receiver.attempts(), Instant::now());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

#[allow(clippy::cast_precision_loss, reason = "far below 2^52")]
pub(crate) fn to_f64(number: u64) -> f64 {
    number as f64
}
