//! Switchhook's own part of a cold start: from a binary's start to its first request for work, as Lambda's runtime API
//! sees it.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use functions::functions::FUNCTIONS;
use local::aws::REGION;
use local::stack::SEALING_KEYS;
use serde::Serialize;
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;
use tokio::process::Command;

/// The function that does nothing.
const NOTHING: &str = "nothing";

/// How long a binary's start may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// One binary's start.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Start {
    pub(crate) function: String,
    /// The median of all starts.
    pub(crate) ms: f64,
    pub(crate) size_mib: f64,
}

/// The program of every function.
const BOOTSTRAP: &str = "bootstrap";

/// Starts a program that does nothing, and then `bootstrap` as each function, so often in turns. Both are built beside this
/// program.
pub(crate) async fn run(times: usize) -> Result<Vec<Start>> {
    let folder = std::env::current_exe()?.parent().context("a folder")?.to_owned();
    let functions = FUNCTIONS.iter().map(|function| (function.name, folder.join(BOOTSTRAP)));
    let built: Vec<(&str, PathBuf)> = std::iter::once((NOTHING, folder.join(NOTHING))).chain(functions).collect();
    if let Some((name, _)) = built.iter().find(|(_, path)| !path.exists()) {
        bail!("{name} is not built: cargo build --release -p switchhook-functions -p switchhook-bench");
    }
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    let mut took = vec![Vec::new(); built.len()];
    for _ in 0..times {
        for ((name, path), took) in built.iter().zip(&mut took) {
            took.push(start((name, path), &listener, address).await?);
        }
    }
    built
        .into_iter()
        .zip(took)
        .map(|((name, path), mut took)| {
            took.sort();
            let median = took.get(took.len() / 2).copied().unwrap_or_default();
            #[allow(clippy::cast_precision_loss, reason = "far below 2^52")]
            let size_mib = path.metadata()?.len() as f64 / (1024.0 * 1024.0);
            Ok(Start { function: name.to_owned(), ms: median.as_secs_f64() * 1e3, size_mib })
        })
        .collect()
}

async fn start((name, path): (&str, &Path), listener: &TcpListener, address: SocketAddr) -> Result<Duration> {
    let begun = Instant::now();
    let mut child = Command::new(path)
        .env_clear()
        .envs(environment(address))
        .env("_HANDLER", name)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    let asked = async {
        let (mut stream, _) = listener.accept().await?;
        // The start of `GET /2018-06-01/runtime/invocation/next`.
        stream.read_exact(&mut [0; 16]).await?;
        anyhow::Ok(begun.elapsed())
    };
    let took = tokio::time::timeout(PATIENCE, asked).await.with_context(|| path.display().to_string())??;
    child.kill().await?;
    Ok(took)
}

/// The environment variables that Lambda sets, the settings without a default, and the system's certificates.
fn environment(runtime_api: SocketAddr) -> Vec<(&'static str, String)> {
    let fixed = [
        ("AWS_LAMBDA_FUNCTION_NAME", "bench"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
        ("AWS_LAMBDA_FUNCTION_VERSION", "1"),
        ("AWS_LAMBDA_LOG_STREAM_NAME", "bench"),
        ("AWS_LAMBDA_LOG_GROUP_NAME", "bench"),
        ("AWS_REGION", REGION),
        ("AWS_ACCESS_KEY_ID", "bench"),
        ("AWS_SECRET_ACCESS_KEY", "bench"),
        ("CONFIG_TABLE", "config"),
        ("LOG_TABLE", "log"),
        ("EVENTS_QUEUE_URL", "http://localhost/events"),
        ("DELIVERIES_QUEUE_URL", "http://localhost/deliveries"),
        ("RETRIES_QUEUE_URL", "http://localhost/retries"),
        ("SEALING_KEYS", SEALING_KEYS),
        // Amazon Linux has all certificates in one file. Other systems also have a file for each certificate.
        ("SSL_CERT_FILE", "/etc/ssl/certs/ca-certificates.crt"),
    ];
    let mut environment: Vec<_> = fixed.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
    environment.push(("AWS_LAMBDA_RUNTIME_API", runtime_api.to_string()));
    environment
}
