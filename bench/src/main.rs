//! Measures Switchhook: `cargo run --release -p switchhook-bench` prints tables of figures, and writes them as JSON.
//!
//! Functions and stores run in processes of their own, so that the processor time of each is known. The platform and
//! the customers' endpoint run in this process. The baseline of each figure is measured in the same run.

mod alone;
mod canned_dynamodb;
mod cold;
mod cost;
mod count;
mod event;
mod growth;
mod invocations;
mod keys;
mod measure;
mod price;
mod process;
mod receiver;
mod report;
mod roles;
mod scale;
mod sdk_wire;
mod sent;
mod work;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use clap::{Parser, Subcommand, ValueEnum};

/// The functions' allocator on AWS, for those that run in this program's processes.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Measures Switchhook on this machine.
#[derive(Parser)]
struct Cli {
    /// Measure each figure for a few seconds only
    #[arg(long)]
    short: bool,
    /// Measure only these parts
    #[arg(long, value_enum)]
    part: Vec<Part>,
    /// The file to write the figures to, as JSON
    #[arg(long, default_value = "target/bench.json")]
    json: PathBuf,
    #[command(subcommand)]
    role: Option<Role>,
}

/// A part of the whole run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Deliveries a second, processor time, and the time from publishing to receipt
    Speed,
    /// Dollars for a million deliveries
    Cost,
    /// How cost and latency grow with the webhooks and the log
    Growth,
    /// A simulated second of 100,000 events in hundreds of processes
    Scale,
    /// The time from a function's start to its first request for work; build all functions first
    Start,
}

/// The roles of this program in the processes that it starts itself.
#[derive(Subcommand)]
#[command(hide = true)]
enum Role {
    Stores,
    Functions {
        #[arg(long)]
        stores_url: String,
        #[arg(long, default_value = "1s,1s,1s,1s,1s,1s,1s,1s,1s,1s")]
        retry_schedule: String,
        #[arg(long)]
        count: bool,
    },
    Alone {
        #[arg(long)]
        receiver_url: String,
        #[arg(long)]
        seconds: u64,
    },
}

#[tokio::main]
async fn main() -> Result<()> {
    let cli = Cli::parse();
    match cli.role {
        None => report::run(cli.short, &cli.part, &cli.json).await,
        Some(Role::Stores) => roles::stores().await,
        Some(Role::Functions { stores_url, retry_schedule, count }) => {
            Box::pin(roles::functions(&stores_url, &retry_schedule, count)).await
        }
        Some(Role::Alone { receiver_url, seconds }) => {
            Box::pin(roles::alone(&receiver_url, Duration::from_secs(seconds))).await
        }
    }
}
