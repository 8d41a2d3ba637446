//! The command line: `cargo run -- --help` lists the options.

use std::fs;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, anyhow, bail};
use clap::{Args, Parser, Subcommand};
use functions::{admin, log_lines};
use rules::settings;
use serde_json::Value;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;
use url::Url;

use crate::demo;
use crate::stack::{self, Stack, StoresAt};
use crate::stores::{DataLocation, Stores};

/// Runs every Switchhook function in one process, on embedded stores.
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(flatten)]
    options: Options,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Args)]
struct Options {
    /// The port to serve at, on 127.0.0.1; 0 picks a free port [default: 3000, stores: 8000]
    #[arg(long, global = true)]
    port: Option<u16>,
    /// The folder that keeps webhooks, log and queues between starts
    #[arg(long, global = true, default_value = ".switchhook")]
    data_dir: PathBuf,
    /// Keep everything in memory instead of a folder
    #[arg(long, global = true)]
    in_memory: bool,
    /// Use the stores that another process serves at this URL
    #[arg(long, env = "STORES_URL", global = true, conflicts_with = "in_memory")]
    stores_url: Option<String>,
}

#[derive(Subcommand)]
enum Command {
    /// Start only the embedded stores: DynamoDB and SQS at one URL, with the template's tables and queues and the demo
    /// project
    Stores {
        /// Write the functions' environment variables to this file, for `cargo lambda watch --env-file`
        #[arg(long)]
        env_file: Option<PathBuf>,
    },
    /// Invoke the function `admin` on the stores of --stores-url, or of --data-dir if no other process uses that folder
    Admin {
        /// The command, as JSON: '{"command": "create_project", "project": "acme"}'
        #[arg(value_parser = |text: &str| serde_json::from_str::<Value>(text))]
        event: Value,
    },
}

/// Runs the command that the command line names. A stack, or the stores alone, run until the process is stopped.
pub async fn run() -> ExitCode {
    match start(Cli::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn start(cli: Cli) -> Result<()> {
    write_log();
    let location =
        if cli.options.in_memory { DataLocation::Memory } else { DataLocation::Folder(cli.options.data_dir) };
    match cli.command {
        None => run_stack(cli.options.port.unwrap_or(3000), location, cli.options.stores_url).await,
        Some(Command::Admin { event }) => administer(event, location, cli.options.stores_url).await,
        Some(Command::Stores { env_file }) => {
            run_stores(cli.options.port.unwrap_or(8000), &location, env_file.as_deref()).await
        }
    }
}

/// Writes the log to standard error as plain text, or with `LOG_FORMAT=json` in the functions' format on AWS.
fn write_log() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info,dynoxide=off"));
    if settings::read_variable("LOG_FORMAT").is_some_and(|format| format == "json") {
        return log_lines::write_json(filter, std::io::stderr);
    }
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .compact()
        .init();
}

fn stores_at(location: DataLocation, url: Option<String>) -> Result<StoresAt> {
    match url.filter(|url| !url.is_empty()) {
        None => Ok(StoresAt::Embedded(location)),
        Some(url) if Url::parse(&url).is_ok_and(|url| url.has_host()) => Ok(StoresAt::Url(url)),
        Some(url) => bail!("STORES_URL: `{url}` is not a URL"),
    }
}

/// Invokes `admin` without a running stack, and prints its answer.
async fn administer(event: Value, location: DataLocation, stores_url: Option<String>) -> Result<()> {
    let (stores, app) = stack::app_on_stores(&stores_at(location, stores_url)?, settings::read_variable).await?;
    let answer = admin::administer(&app, event).await;
    if let Some(stores) = stores {
        stores.stop().await;
    }
    say(&serde_json::to_string_pretty(&answer.map_err(|error| anyhow!("{error}"))?)?)
}

async fn run_stack(port: u16, location: DataLocation, stores_url: Option<String>) -> Result<()> {
    let stores = stores_at(location, stores_url)?;
    let stack = Stack::start(port, &stores, settings::read_variable).await?;
    say(&format!("{}\nready {}", demo::welcome(&stack.url, &stack.stores_url), stack.url))?;
    stop(stack.stop()).await
}

async fn run_stores(port: u16, location: &DataLocation, env_file: Option<&Path>) -> Result<()> {
    let stores = Stores::start(location, port).await?;
    let environment = stack::environment(&stores.url, settings::read_variable).await?;
    if let Some(file) = env_file {
        let lines: String = environment.iter().map(|(name, value)| format!("{name}='{value}'\n")).collect();
        fs::write(file, lines).with_context(|| format!("writing {}", file.display()))?;
    }
    say(&format!("DynamoDB and SQS: AWS_ENDPOINT_URL={url}\n\nready {url}", url = stores.url))?;
    stop(stores.stop()).await
}

/// Waits for Ctrl-C or SIGTERM, then for `stopping`. Another Ctrl-C ends the second wait at once.
async fn stop(stopping: impl Future<Output = ()>) -> Result<()> {
    let mut terminated = signal(SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted?,
        _ = terminated.recv() => {}
    }
    tracing::info!("stopping once the batches in progress are done; Ctrl-C again stops at once");
    tokio::select! {
        () = stopping => {}
        interrupted = tokio::signal::ctrl_c() => interrupted?,
    }
    Ok(())
}

fn say(text: &str) -> Result<()> {
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "{text}")?;
    Ok(stdout.flush()?)
}
