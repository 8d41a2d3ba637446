//! The floor as the other figures need it: measured before and after each of them, so that a slower or faster minute of
//! the machine changes both.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use serde::Serialize;

use crate::alone::{Rate, Times};
use crate::percentiles::Percentiles;
use crate::process::Process;
use crate::receiver::{Behavior, Receiver};

/// Figures of a program that only signs and sends requests.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Floor {
    pub(crate) a_second: f64,
    /// Processor time of one request in microseconds, while as many as possible are sent.
    pub(crate) cpu_us: f64,
    /// From a request's start to its answer, at 50 requests a second.
    pub(crate) latency: Percentiles,
}

impl Floor {
    fn mean(self, other: Self) -> Self {
        Self {
            a_second: f64::midpoint(self.a_second, other.a_second),
            cpu_us: f64::midpoint(self.cpu_us, other.cpu_us),
            latency: self.latency.mean(other.latency),
        }
    }
}

/// The process that measures the floor. It does nothing between two measurements.
pub(crate) struct FloorProcess {
    process: Process,
    receiver: Arc<Receiver>,
    last: Floor,
}

impl FloorProcess {
    /// Starts the process, and measures the floor for the first time.
    pub(crate) async fn start(receiver: &Arc<Receiver>, lasting: Duration) -> Result<Self> {
        receiver.reset(Behavior::default());
        let lasting = lasting.as_secs().to_string();
        let mut process = Process::start(&["alone", "--receiver-url", &receiver.url, "--seconds", &lasting]).await?;
        // The first run opens the connections, and its figures are dropped.
        measure(&mut process).await?;
        let last = measure(&mut process).await?;
        Ok(Self { process, receiver: receiver.clone(), last })
    }

    /// Measures the floor again. Returns the mean of this measurement and the one before.
    pub(crate) async fn around(&mut self) -> Result<Floor> {
        self.receiver.reset(Behavior::default());
        let now = measure(&mut self.process).await?;
        let before = std::mem::replace(&mut self.last, now);
        Ok(before.mean(now))
    }

    /// Measures `deliver` alone.
    pub(crate) async fn deliver(&mut self) -> Result<Rate> {
        self.receiver.reset(Behavior::default());
        self.process.ask("deliver").await
    }
}

async fn measure(process: &mut Process) -> Result<Floor> {
    let cpu_before = process.cpu()?;
    let rate: Rate = process.ask("floor").await?;
    let cpu_us = (process.cpu()? - cpu_before).as_secs_f64() * 1e6 / rate.requests;
    let Times(latency) = process.ask("floor evenly").await?;
    Ok(Floor { a_second: rate.a_second, cpu_us, latency })
}
