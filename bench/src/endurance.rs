//! The part `endurance`: ten minutes at a fixed rate, on disk. Memory, backlog and latency must not grow.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use serde::Serialize;

use crate::floor::{Floor, FloorProcess};
use crate::one_process::{Location, OneProcess};
use crate::rate::{self, Load, Period, Plan};
use crate::receiver::Receiver;
use crate::roles::say;
use crate::work::{Platform, WORKS};

/// The periods of the run.
const PERIODS: u32 = 10;

/// The figures of this part.
#[derive(Debug, Serialize)]
pub(crate) struct Endurance {
    /// The mean of the floor before the run and the floor after it.
    pub(crate) floor: Floor,
    /// A minute each, or six seconds in a short run.
    pub(crate) periods: Vec<Period>,
    /// Memory after the last period, as a multiple of memory after the second.
    pub(crate) memory_growth: f64,
}

/// Delivers single events at a fixed rate, and prints a row for each period. The rate must be below the rate under full
/// load, so that the backlog can grow only by a fault.
pub(crate) async fn run(receiver: &Arc<Receiver>, short: bool, events_a_second: f64) -> Result<Endurance> {
    let period = Duration::from_secs(if short { 6 } else { 60 });
    let mut floor = FloorProcess::start(receiver, Duration::from_secs(if short { 2 } else { 5 })).await?;
    let ([work, ..], stack) = (WORKS, OneProcess::start(Location::Disk).await?);
    let platform = Platform::new(&stack.process.url);
    platform.set_up(&work, &receiver.url).await?;
    let load = Load { platform: &platform, receiver, work: &work, process: &stack.process };
    let periods = rate::run(&load, Plan { events_a_second, period, periods: PERIODS }).await?;
    stack.stop().await?;
    let floor = floor.around().await?;
    let memory_growth = memory_growth(&periods).context("at least two periods")?;

    say(&format!("\nEndurance: {events_a_second:.0} events a second on disk, in periods of {} s\n", period.as_secs()))?;
    say(
        "| period | p50 | times the floor's | p99 | times the floor's | p99.9 | most backlog | backlog at the end | memory |",
    )?;
    say("|---|---|---|---|---|---|---|---|---|")?;
    for (number, period) in periods.iter().enumerate() {
        say(&row(number + 1, period, floor))?;
    }
    say(&format!("\nmemory after the last period: {memory_growth:.2} times the memory after the second"))?;
    Ok(Endurance { floor, periods, memory_growth })
}

fn memory_growth(periods: &[Period]) -> Option<f64> {
    Some(periods.last()?.memory_mib / periods.get(1)?.memory_mib)
}

fn row(number: usize, period: &Period, floor: Floor) -> String {
    let (latency, floor) = (period.latency, floor.latency);
    format!(
        "| {number} | {:.1} ms | {:.1} | {:.1} ms | {:.1} | {:.1} ms | {} | {} | {:.1} MiB |",
        latency.p50_ms,
        latency.p50_ms / floor.p50_ms,
        latency.p99_ms,
        latency.p99_ms / floor.p99_ms,
        latency.p999_ms,
        period.backlog_max,
        period.backlog_end,
        period.memory_mib
    )
}
