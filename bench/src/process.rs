//! The measured processes: the stores, the functions, and the measurements without a pipeline. Each is this program in
//! another role.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde::de::DeserializeOwned;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

/// Clock ticks of `/proc`'s times in a second, on every Linux that Rust runs on.
const TICKS_A_SECOND: u64 = 100;

/// A running process of this program.
pub(crate) struct Process {
    child: Child,
    input: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
    /// The URL that the process printed once it was ready.
    pub(crate) url: String,
}

impl Process {
    /// Starts this program in `role`, and waits until it is ready.
    pub(crate) async fn start(role: &[&str]) -> Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .args(role)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let input = child.stdin.take().context("stdin is piped")?;
        let mut lines = BufReader::new(child.stdout.take().context("stdout is piped")?).lines();
        let first = lines.next_line().await?.unwrap_or_default();
        let Some(url) = first.strip_prefix("ready ") else { bail!("{role:?} did not start: {first}") };
        Ok(Self { url: url.to_owned(), child, input, lines })
    }

    /// Asks the process for its measurements.
    pub(crate) async fn ask<T: DeserializeOwned>(&mut self, question: &str) -> Result<T> {
        self.input.write_all(format!("{question}\n").as_bytes()).await?;
        let line = self.lines.next_line().await?.context("it ended")?;
        Ok(serde_json::from_str(&line)?)
    }

    /// Processor time that all threads of the process have used.
    pub(crate) fn cpu(&self) -> Result<Duration> {
        let stat = std::fs::read_to_string(self.proc()?.join("stat"))?;
        // After the name, which may hold any character: the state, ten other fields, user time, system time.
        let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace().skip(11).take(2);
        let ticks: u64 = fields.map(str::parse::<u64>).sum::<Result<_, _>>()?;
        Ok(Duration::from_millis(ticks * 1000 / TICKS_A_SECOND))
    }

    /// The memory that the process holds now, in MiB.
    pub(crate) fn memory_mib(&self) -> Result<f64> {
        self.status_mib("VmRSS:")
    }

    /// The most memory that the process has held, in MiB.
    pub(crate) fn memory_max_mib(&self) -> Result<f64> {
        self.status_mib("VmHWM:")
    }

    /// Ends the process, and waits for its end.
    pub(crate) async fn stop(mut self) -> Result<()> {
        Ok(self.child.kill().await?)
    }

    fn status_mib(&self, name: &'static str) -> Result<f64> {
        let status = std::fs::read_to_string(self.proc()?.join("status"))?;
        let line = status.lines().find_map(|line| line.strip_prefix(name)).context(name)?;
        Ok(line.trim().trim_end_matches(" kB").parse::<f64>()? / 1024.0)
    }

    fn proc(&self) -> Result<PathBuf> {
        Ok(PathBuf::from(format!("/proc/{}", self.child.id().context("it runs")?)))
    }
}
