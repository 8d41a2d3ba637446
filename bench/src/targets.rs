//! The targets, and whether this run meets them.

use anyhow::Result;
use serde::Serialize;

use crate::cold::Start;
use crate::cost::{self, BATCHES, KEEP_FAILED, MANY_AGENTS, ONE_AT_A_TIME, SINGLE_BUSY};
use crate::endurance::Endurance;
use crate::one_process::Location;
use crate::roles::say;
use crate::speed::Speed;
use crate::work::WORKS;

/// The side of the target on which a value meets it. The target itself meets it, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Bound {
    AtLeast,
    AtMost,
}

/// A target, and the value in this run.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Target {
    figure: &'static str,
    value: f64,
    bound: Bound,
    target: f64,
    unit: Unit,
    met: bool,
}

/// How a value is written.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
enum Unit {
    /// A number, with so many decimals.
    Number(usize),
    Dollars,
    Microseconds,
    Milliseconds,
}

impl Unit {
    const fn decimals(self) -> usize {
        match self {
            Self::Number(decimals) => decimals,
            Self::Dollars => 2,
            Self::Microseconds => 0,
            Self::Milliseconds => 1,
        }
    }

    fn write(self, value: f64) -> String {
        let number = format!("{value:.*}", self.decimals());
        match self {
            Self::Number(_) => number,
            Self::Dollars => format!("${number}"),
            Self::Microseconds => format!("{number} µs"),
            Self::Milliseconds => format!("{number} ms"),
        }
    }
}

impl Target {
    fn at_least(figure: &'static str, value: f64, target: f64, unit: Unit) -> Self {
        Self { figure, value, bound: Bound::AtLeast, target, unit, met: round(value, unit) >= target }
    }

    fn at_most(figure: &'static str, value: f64, target: f64, unit: Unit) -> Self {
        Self { figure, value, bound: Bound::AtMost, target, unit, met: round(value, unit) <= target }
    }

    fn row(&self) -> String {
        let bound = match self.bound {
            Bound::AtLeast => "≥",
            Bound::AtMost => "≤",
        };
        let met = if self.met { "met" } else { "**missed**" };
        let (target, value) = (self.unit.write(self.target), self.unit.write(self.value));
        format!("| {} | {bound} {target} | {value} | {met} |", self.figure)
    }
}

/// The value as the table shows it.
fn round(value: f64, unit: Unit) -> f64 {
    let scale = 10_f64.powi(i32::try_from(unit.decimals()).unwrap_or(0));
    (value * scale).round() / scale
}

/// The targets of the part `speed`.
pub(crate) fn of_speed(speed: &Speed) -> Vec<Target> {
    use Unit::{Microseconds, Milliseconds, Number};

    let [one, ten, batches, _] = WORKS;
    let figures = |location: Location, name: &str| {
        speed.works.iter().find(|figures| figures.location == location && figures.work == name)
    };
    let mut targets =
        vec![Target::at_least("`deliver` alone, of the floor", speed.deliver_alone_of_floor, 0.5, Number(2))];
    if let Some(one) = figures(Location::Disk, one.name) {
        let latency = one.quiet.latency;
        targets.extend([
            Target::at_least("one event, one webhook, on disk: of the floor", one.of_floor(), 0.07, Number(3)),
            Target::at_most("the same: processor time for a delivery", one.full.cpu_us, 350.0, Microseconds),
            Target::at_most("the same: p50 at 50 events a second", latency.p50_ms, 1.8, Milliseconds),
            Target::at_most("the same: p99 at 50 events a second", latency.p99_ms, 4.0, Milliseconds),
        ]);
    }
    if let Some(ten) = figures(Location::Disk, ten.name) {
        targets.extend([
            Target::at_least("one event, 10 webhooks, on disk: of the floor", ten.of_floor(), 0.13, Number(3)),
            Target::at_most("the same: processor time for a delivery", ten.full.cpu_us, 180.0, Microseconds),
        ]);
    }
    if let Some(batches) = figures(Location::Memory, batches.name) {
        let figure = "batches of 100, in memory: deliveries a second";
        targets.push(Target::at_least(figure, batches.full.delivered_a_second, 5_000.0, Number(0)));
    }
    targets
}

/// The target of the part `endurance`.
pub(crate) fn of_endurance(endurance: &Endurance) -> Vec<Target> {
    let figure = "memory after the last period, times that after the second";
    vec![Target::at_most(figure, endurance.memory_growth, 1.1, Unit::Number(2))]
}

/// The targets of the part `cost`.
pub(crate) fn of_cost(rows: &[cost::Row]) -> Vec<Target> {
    use Unit::{Dollars, Number};

    let all = [
        (BATCHES, "a million events: batches of 10, one agent", 1.50),
        (MANY_AGENTS, "a million events: batches of 10, many agents", 1.80),
        (KEEP_FAILED, "a million events: batches of 10, `KEEP_BODIES=failed`", 1.25),
        (SINGLE_BUSY, "a million events: single, busy", 2.50),
        (ONE_AT_A_TIME, "a million events: single, one at a time", 3.50),
    ];
    let row = |name: &str| rows.iter().find(|row| row.publishing == name && row.succeeding_percent == 100);
    let dollars = all.into_iter().filter_map(|(name, figure, target)| {
        Some(Target::at_most(figure, row(name)?.dollars_a_million, target, Dollars))
    });
    let mut targets: Vec<Target> = dollars.collect();
    if let Some(batches) = row(BATCHES) {
        targets.extend([
            Target::at_most("write units of an event, in batches of 10", batches.cost.write_units, 1.4, Number(2)),
            Target::at_most("read units of an event, in batches of 10", batches.cost.read_units, 1.0, Number(2)),
        ]);
    }
    targets
}

/// The targets of the part `start`. The first start is that of a function that does nothing.
pub(crate) fn of_start(starts: &[Start]) -> Vec<Target> {
    let Some((nothing, functions)) = starts.split_first() else { return Vec::new() };
    let slowest_ms = functions.iter().map(|start| start.ms).fold(0.0, f64::max);
    let relative = "the same, times a function that does nothing";
    vec![
        Target::at_most("the slowest function's start", slowest_ms, 8.0, Unit::Milliseconds),
        Target::at_most(relative, slowest_ms / nothing.ms, 1.5, Unit::Number(1)),
    ]
}

/// Prints the targets of the measured parts.
pub(crate) fn print(targets: &[Target]) -> Result<()> {
    if targets.is_empty() {
        return Ok(());
    }
    say("\n| figure | target | value | |")?;
    say("|---|---|---|---|")?;
    targets.iter().try_for_each(|target| say(&target.row()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_met_by_the_value_that_the_table_shows() {
        assert!(Target::at_most("cost", 1.504, 1.50, Unit::Dollars).met);
        assert!(!Target::at_most("cost", 1.506, 1.50, Unit::Dollars).met);
        assert!(Target::at_least("speed", 0.0694, 0.07, Unit::Number(3)).row().contains("**missed**"));
        let row = Target::at_least("speed", 0.0704, 0.07, Unit::Number(3)).row();
        assert_eq!(row, "| speed | ≥ 0.070 | 0.070 | met |");
    }
}
