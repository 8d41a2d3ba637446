//! Measures Switchhook: `cargo run --release -p switchhook-bench` prints tables of figures, and writes them as JSON.
//!
//! The measured programs run in processes of their own, so that the processor time of each is known. Speed is measured on
//! the local stack in one process, as `cargo run` starts it. Cost is measured with functions and stores apart. The platform
//! and the customers' endpoint run in this process. The floor of each figure is measured in the same run.

mod alone;
mod canned_dynamodb;
mod cold;
mod cost;
mod count;
mod endurance;
mod event;
mod floor;
mod growth;
mod invocations;
mod keys;
mod measure;
mod one_process;
mod percentiles;
mod price;
mod process;
mod rate;
mod receiver;
mod report;
mod roles;
mod scale;
mod sdk_wire;
mod sent;
mod simulated;
mod speed;
mod storage;
mod targets;
mod waiting;
mod work;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use clap::{Args, Parser, Subcommand, ValueEnum};
use local::stack::StoresAt;
use local::stores::DataLocation;

use crate::report::Options;

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
    /// Events a second of the part `endurance`
    #[arg(long, default_value = "500")]
    endurance_rate: f64,
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
    /// Memory, backlog and the time from publishing to receipt, over ten minutes at a fixed rate
    Endurance,
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
        #[command(flatten)]
        stores: StoresArgs,
        /// An environment variable of the functions: NAME=VALUE
        #[arg(long, value_parser = roles::parse_setting)]
        setting: Vec<(String, String)>,
        /// Count invocations and calls to AWS
        #[arg(long, requires = "stores_url")]
        count: bool,
    },
    Alone {
        #[arg(long)]
        receiver_url: String,
        #[arg(long)]
        seconds: u64,
    },
    Waiting {
        #[arg(long)]
        stores_url: String,
        #[arg(long)]
        receiver_url: String,
        #[arg(long)]
        retry_schedule: String,
    },
}

/// Where the functions' stores are.
#[derive(Args)]
#[group(required = true, multiple = false)]
struct StoresArgs {
    /// In another process, at this URL
    #[arg(long)]
    stores_url: Option<String>,
    /// In the functions' process, with the data in this folder
    #[arg(long)]
    data_dir: Option<PathBuf>,
    /// In the functions' process, with the data in memory
    #[arg(long)]
    in_memory: bool,
}

impl StoresArgs {
    fn location(self) -> StoresAt {
        match (self.stores_url, self.data_dir) {
            (Some(url), _) => StoresAt::Url(url),
            (None, Some(folder)) => StoresAt::Embedded(DataLocation::Folder(folder)),
            (None, None) => StoresAt::Embedded(DataLocation::Memory),
        }
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let cli = Cli::parse();
    match cli.role {
        None => {
            let options = Options { short: cli.short, parts: cli.part, endurance_rate: cli.endurance_rate };
            report::run(&options, &cli.json).await
        }
        Some(Role::Stores) => roles::stores().await,
        Some(Role::Functions { stores, setting, count }) => {
            Box::pin(roles::functions(&stores.location(), &setting, count)).await
        }
        Some(Role::Alone { receiver_url, seconds }) => {
            Box::pin(roles::alone(&receiver_url, Duration::from_secs(seconds))).await
        }
        Some(Role::Waiting { stores_url, receiver_url, retry_schedule }) => {
            Box::pin(roles::waiting(&stores_url, &receiver_url, &retry_schedule)).await
        }
    }
}
