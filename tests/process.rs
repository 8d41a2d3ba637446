//! Runs the local stack in a process of its own, so that a test can kill it and read its log.

use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, Result};
use local::demo::TEST_KEY;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::stack::{Client, PATIENCE, queue_length, wait_until};

/// A running process of the local stack.
pub(crate) struct Process {
    child: Child,
    pub(crate) client: Client,
    pub(crate) url: String,
    stores_url: String,
}

impl Process {
    /// Starts a stack that keeps its data in `folder`.
    pub(crate) async fn start(folder: &Path) -> Result<Self> {
        let folder = folder.to_str().context("UTF-8")?;
        Self::spawn("0", &["--data-dir", folder], &[("RETRY_SCHEDULE", "5s,1s,1s,1s,1s")]).await
    }

    pub(crate) async fn spawn(port: &str, arguments: &[&str], environment: &[(&str, &str)]) -> Result<Self> {
        Self::spawn_logging_to(Stdio::inherit(), port, arguments, environment).await
    }

    /// Like [`Process::spawn`], with the log written to `log`.
    pub(crate) async fn spawn_logging_to(
        log: impl Into<Stdio>,
        port: &str,
        arguments: &[&str],
        environment: &[(&str, &str)],
    ) -> Result<Self> {
        let mut child = Command::new(env!("CARGO_BIN_EXE_switchhook-under-test"))
            .args(["--port", port])
            .args(arguments)
            .envs(environment.iter().copied())
            .stdout(Stdio::piped())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()?;
        let mut lines = BufReader::new(child.stdout.take().context("stdout is piped")?).lines();
        let ready = async {
            let mut stores_url = String::new();
            while let Some(line) = lines.next_line().await? {
                if let Some(stores) = line.strip_prefix("  stores ") {
                    stores_url = stores.split_whitespace().next().unwrap_or_default().to_owned();
                }
                if let Some(url) = line.strip_prefix("ready ") {
                    return Ok((url.to_owned(), stores_url));
                }
            }
            anyhow::bail!("it ended without being ready")
        };
        let (url, stores_url) = tokio::time::timeout(PATIENCE, ready).await??;
        Ok(Self { child, client: Client::new(&url, TEST_KEY), url, stores_url })
    }

    /// Waits until the newest delivery of an agent's webhook is logged as pending, and its next attempt is queued.
    pub(crate) async fn retry_waits(&self, agent: &str) -> Result<()> {
        self.client.delivery_with_status(agent, "pending").await?;
        let is_queued = async || Ok((queue_length(&self.stores_url, "RetriesQueue").await? > 0).then_some(()));
        wait_until("a retry in its queue", is_queued).await
    }

    /// Waits until the log at `path` contains `text`, and returns the whole log.
    pub(crate) async fn logs(&self, path: &Path, text: &str) -> Result<String> {
        let log = async || Ok(Some(std::fs::read_to_string(path)?).filter(|log| log.contains(text)));
        wait_until(&format!("`{text}` in the log"), log).await
    }

    /// The process's id, while the process runs.
    pub(crate) fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// Ends the process by SIGKILL.
    pub(crate) async fn kill(mut self) -> Result<()> {
        Ok(self.child.kill().await?)
    }
}
