//! The whole run: measures everything, prints tables, writes JSON.

use std::path::Path;
use std::sync::Arc;

use anyhow::Result;

use crate::Part;
use crate::cold::{self, Start};
use crate::cost;
use crate::endurance;
use crate::growth;
use crate::keys::TableUsage;
use crate::price::{Cost, Prices};
use crate::receiver::Receiver;
use crate::roles::say;
use crate::scale::{self, Second, StageResult};
use crate::speed;
use crate::targets;
use crate::waiting;

/// The options of a run.
#[derive(Debug)]
pub(crate) struct Options {
    /// Measure each figure for a few seconds only.
    pub(crate) short: bool,
    /// The parts to measure; every part if the list is empty.
    pub(crate) parts: Vec<Part>,
    /// Events a second of the part `endurance`.
    pub(crate) endurance_rate: f64,
}

/// Measures, prints the figures, and writes them to `file`.
pub(crate) async fn run(options: &Options, file: &Path) -> Result<()> {
    let receiver = Arc::new(Receiver::start().await?);
    let short = options.short;
    let wanted = |part| options.parts.is_empty() || options.parts.contains(&part);
    let (mut all, mut targets) = (serde_json::Map::new(), Vec::new());
    if wanted(Part::Speed) {
        let speed = speed::run(&receiver, short).await?;
        targets.extend(targets::of_speed(&speed));
        all.insert("speed".to_owned(), serde_json::to_value(speed)?);
    }
    if wanted(Part::Endurance) {
        let endurance = endurance::run(&receiver, short, options.endurance_rate).await?;
        targets.extend(targets::of_endurance(&endurance));
        all.insert("endurance".to_owned(), serde_json::to_value(endurance)?);
    }
    if wanted(Part::Cost) {
        let rows = costs(&receiver, if short { 1_000 } else { 4_000 }).await?;
        targets.extend(targets::of_cost(&rows));
        all.insert("cost".to_owned(), serde_json::to_value(rows)?);
        all.insert("waiting".to_owned(), serde_json::to_value(waits(&receiver, short).await?)?);
    }
    if wanted(Part::Growth) {
        all.insert("growth".to_owned(), serde_json::to_value(growth(&receiver, short).await?)?);
    }
    if wanted(Part::Scale) {
        all.insert("scale".to_owned(), serde_json::to_value(scale(&receiver).await?)?);
    }
    if wanted(Part::Start) {
        let starts = cold_starts(if short { 5 } else { 21 }).await?;
        targets.extend(targets::of_start(&starts));
        all.insert("start".to_owned(), serde_json::to_value(starts)?);
    }
    targets::print(&targets)?;
    all.insert("targets".to_owned(), serde_json::to_value(targets)?);
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(file, serde_json::to_string_pretty(&all)?)?;
    say(&format!("\nwritten to {}", file.display()))
}

/// Measures the time from a binary's start to its first request for work. The functions must be built beside this
/// program.
async fn cold_starts(times: usize) -> Result<Vec<Start>> {
    let starts = cold::run(times).await?;
    say("\n| function | first request for work | of one that does nothing | size |")?;
    say("|---|---|---|---|")?;
    let nothing_ms = starts.first().map_or(0.0, |start| start.ms);
    for Start { function, ms, size_mib } in &starts {
        say(&format!("| {function} | {ms:.1} ms | {:.2} | {size_mib:.1} MiB |", ms / nothing_ms))?;
    }
    Ok(starts)
}

/// Prices a million delivered events in dollars, for every way to publish.
async fn costs(receiver: &Arc<Receiver>, events: usize) -> Result<Vec<cost::Row>> {
    let prices = Prices::listed()?;
    say(&format!(
        "\nDollars a million delivered events ({}, {}, {}):\n",
        prices.region, prices.architecture, prices.as_of
    ))?;
    say(
        "| published | attempts that succeed | API Gateway | Lambda | SQS | DynamoDB | storage | in all | write units | read units | bytes stored |",
    )?;
    say("|---|---|---|---|---|---|---|---|---|---|---|")?;
    let mut rows = Vec::new();
    for kind in cost::kinds() {
        let row = cost::run(kind, receiver, events, &prices).await?;
        let Cost { api_gateway, lambda, sqs, dynamodb, write_units, read_units, .. } = row.cost;
        say(&format!(
            "| {} | {} % | {api_gateway:.2} | {lambda:.2} | {sqs:.2} | {dynamodb:.2} | {:.2} | **{:.2}** | {write_units:.2} | {read_units:.2} | {:.0} |",
            row.publishing,
            row.succeeding_percent,
            row.storage,
            row.dollars_a_million,
            row.stored.table_bytes + row.stored.index_bytes
        ))?;
        rows.push(row);
    }
    Ok(rows)
}

/// Prices a million deliveries that fail and wait for a day, for every schedule.
async fn waits(receiver: &Arc<Receiver>, short: bool) -> Result<Vec<waiting::Row>> {
    let (schedules, deliveries) =
        if short { (&waiting::SCHEDULES[..1], 200) } else { (&waiting::SCHEDULES[..], 1_000) };
    say("\nDollars for a million deliveries that fail and wait, for the day from their first attempt:\n")?;
    say("| retry schedule | attempts | Lambda | SQS | DynamoDB | in all | write units | read units |")?;
    say("|---|---|---|---|---|---|---|---|")?;
    let (prices, mut rows) = (Prices::listed()?, Vec::new());
    for schedule in schedules {
        let row = waiting::run(schedule, deliveries, receiver, &prices).await?;
        let Cost { lambda, sqs, dynamodb, write_units, read_units, .. } = row.cost;
        say(&format!(
            "| {schedule} | {:.1} | {lambda:.2} | {sqs:.2} | {dynamodb:.2} | **{:.2}** | {write_units:.2} | {read_units:.2} |",
            row.attempts,
            row.cost.total()
        ))?;
        rows.push(row);
    }
    Ok(rows)
}

/// Measures cost and latency, and how long lists and statistics take, by the size of a project.
async fn growth(receiver: &Arc<Receiver>, short: bool) -> Result<Vec<growth::Row>> {
    let (sizes, logged) = if short { (&growth::WEBHOOKS[..2], 2_000) } else { (&growth::WEBHOOKS[..], 100_000) };
    let calls = growth::CALLS.map(|(name, _)| format!(" {name} |")).concat();
    say(&format!("\n| webhooks | deliveries logged | dollars a million | read units | p50 | p99 |{calls}"))?;
    say(&format!("|{}", "---|".repeat(6 + growth::CALLS.len())))?;
    let mut rows = Vec::new();
    for &webhooks in sizes {
        let row = growth::run(webhooks, logged, receiver, &Prices::listed()?).await?;
        let calls: String = row.calls.iter().map(|call| format!(" {call} |")).collect();
        let growth::Row { cost, latency, .. } = &row;
        say(&format!(
            "| {webhooks} | {logged} | {:.2} | {:.2} | {:.1} ms | {:.1} ms |{calls}",
            cost.total(),
            cost.read_units,
            latency.p50_ms,
            latency.p99_ms
        ))?;
        rows.push(row);
    }
    Ok(rows)
}

/// Simulates a second of a great load, and counts the units that each key takes.
async fn scale(receiver: &Arc<Receiver>) -> Result<Second> {
    let second = Box::pin(scale::run(receiver)).await?;
    let (events, attempts, percent) = (scale::EVENTS, second.attempts, scale::FAILING_PERCENT);
    say(&format!("\n{events} events in a second, {attempts} attempts, of which {percent} % fail:\n"))?;
    say("| function | invocations | processes |")?;
    say("|---|---|---|")?;
    for StageResult { function, invocations, processes, .. } in &second.stages {
        say(&format!("| {function} | {invocations} | {processes} |"))?;
    }
    say("\n| table or index | write units | read units | the most written key | the most read key |")?;
    say("|---|---|---|---|---|")?;
    for TableUsage { name, all, most_written, most_read } in &second.tables {
        say(&format!(
            "| {name} | {:.0} | {:.0} | {:.0} {} | {:.0} {} |",
            all.write, all.read, most_written.units, most_written.key, most_read.units, most_read.key
        ))?;
    }
    let Cost { api_gateway, lambda, sqs, dynamodb, .. } = second.cost;
    say(&format!(
        "\nDollars a million: API Gateway {api_gateway:.2}, Lambda {lambda:.2}, SQS {sqs:.2}, DynamoDB {dynamodb:.2}, in all {:.2}",
        second.cost.total()
    ))?;
    Ok(second)
}
