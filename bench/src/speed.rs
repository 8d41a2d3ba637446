//! The part `speed`: every kind of work, on disk and in memory, beside the floor.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use serde::Serialize;

use crate::alone::Rate;
use crate::floor::FloorProcess;
use crate::measure::{self, Figures, Lengths};
use crate::one_process::Location;
use crate::rate::Period;
use crate::receiver::Receiver;
use crate::roles::say;
use crate::work::WORKS;

/// The figures of this part.
#[derive(Debug, Serialize)]
pub(crate) struct Speed {
    pub(crate) deliver_alone: Rate,
    /// `deliver` alone, as a part of the floor.
    pub(crate) deliver_alone_of_floor: f64,
    pub(crate) works: Vec<Figures>,
}

/// Measures every kind of work, and prints it.
pub(crate) async fn run(receiver: &Arc<Receiver>, short: bool) -> Result<Speed> {
    let seconds = |long: u64, brief: u64| Duration::from_secs(if short { brief } else { long });
    let lengths = Lengths { warm_up: seconds(3, 1), measured: seconds(8, 3), rate: seconds(20, 4) };
    let mut floor_process = FloorProcess::start(receiver, seconds(5, 2)).await?;
    let deliver_alone = floor_process.deliver().await?;
    let floor = floor_process.around().await?;
    let deliver_alone_of_floor = deliver_alone.a_second / floor.a_second;
    say(&format!(
        "\nfloor: {:.0} requests signed and sent a second, {:.0} µs of processor each; at 50 a second, p50 {:.2} ms, p99 {:.2} ms",
        floor.a_second, floor.cpu_us, floor.latency.p50_ms, floor.latency.p99_ms
    ))?;
    say(&format!("deliver alone: {:.0} a second, {deliver_alone_of_floor:.2} of the floor", deliver_alone.a_second))?;
    say("\n| work | stores | delivered a second | of the floor | processor | times the floor's | memory |")?;
    say("|---|---|---|---|---|---|---|")?;
    let mut works = Vec::new();
    for location in [Location::Disk, Location::Memory] {
        for work in &WORKS {
            let figures = measure::work(work, location, receiver, lengths, &mut floor_process).await?;
            say(&full_row(&figures))?;
            works.push(figures);
        }
    }
    say(
        "\n| work | stores | events a second | p50 | times the floor's | p99 | times the floor's | p99.9 | most backlog |",
    )?;
    say("|---|---|---|---|---|---|---|---|---|")?;
    for figures in &works {
        for period in [&figures.quiet, &figures.half] {
            say(&rate_row(figures, period))?;
        }
    }
    Ok(Speed { deliver_alone, deliver_alone_of_floor, works })
}

fn full_row(figures: &Figures) -> String {
    let (full, floor) = (figures.full, figures.floor);
    format!(
        "| {} | {} | {:.0} | {:.3} | {:.0} µs | {:.1} | {:.0} MiB |",
        figures.work,
        figures.location.name(),
        full.delivered_a_second,
        figures.of_floor(),
        full.cpu_us,
        full.cpu_us / floor.cpu_us,
        full.memory_max_mib
    )
}

fn rate_row(figures: &Figures, period: &Period) -> String {
    let (latency, floor) = (period.latency, figures.floor.latency);
    format!(
        "| {} | {} | {:.0} | {:.1} ms | {:.1} | {:.1} ms | {:.1} | {:.1} ms | {} |",
        figures.work,
        figures.location.name(),
        period.events_a_second,
        latency.p50_ms,
        latency.p50_ms / floor.p50_ms,
        latency.p99_ms,
        latency.p99_ms / floor.p99_ms,
        latency.p999_ms,
        period.backlog_max
    )
}
