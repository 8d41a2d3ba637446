//! How cost and latency grow with the webhooks of a project, and with the deliveries in the log.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;
use serde::Serialize;

use crate::cost;
use crate::measure::{self, QUIET_EVENTS_A_SECOND};
use crate::percentiles::Percentiles;
use crate::price::{Cost, Prices};
use crate::process::Process;
use crate::rate::Load;
use crate::receiver::{Behavior, Receiver};
use crate::work::{Platform, Work};

/// Webhooks of the project, each of another agent.
pub(crate) const WEBHOOKS: [usize; 3] = [10, 1_000, 100_000];

/// Calls that read more as a project grows.
pub(crate) const CALLS: [(&str, &str); 4] = [
    ("an agent's deliveries", "/agentphone/v1/agents/agt_0/webhook/deliveries"),
    ("the project's deliveries", "/agentphone/v1/webhooks/deliveries"),
    ("its statistics of a day", "/agentphone/v1/webhooks/deliveries/stats"),
    ("AgentLine's list", "/agentline/v1/webhooks"),
];

const PUBLISHERS: usize = 32;

/// How long latency is measured.
const LATENCY_DURATION: Duration = Duration::from_secs(10);

/// A project of one size.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Row {
    webhooks: usize,
    pub(crate) cost: Cost,
    pub(crate) latency: Percentiles,
    pub(crate) calls: Vec<Call>,
}

/// One of [`CALLS`].
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Call {
    name: &'static str,
    status: u16,
    ms: f64,
    bytes: usize,
}

impl fmt::Display for Call {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.status {
            200 => write!(formatter, "{:.0} ms", self.ms),
            status => write!(formatter, "{status}"),
        }
    }
}

/// Registers `webhooks` webhooks, logs `logged` deliveries of all agents in turn, and measures.
pub(crate) async fn run(webhooks: usize, logged: usize, receiver: &Arc<Receiver>, prices: &Prices) -> Result<Row> {
    let behavior = Behavior::default();
    let batches = Work { name: "growth", batch: 10, agents: webhooks, webhooks: 1, behavior, window: 2_000 };
    let stores = Process::start(&["stores"]).await?;
    let mut functions = Process::start(&["functions", "--stores-url", &stores.url, "--count"]).await?;
    let platform = Platform::new(&functions.url);
    platform.set_up(&batches, &receiver.url).await?;
    let requests = logged / batches.batch;
    let counts = cost::deliver(&batches, &platform, receiver, PUBLISHERS, requests, &mut functions).await?;
    let work = Work { batch: 1, ..batches };
    let load = Load { platform: &platform, receiver, work: &work, process: &functions };
    let latency = measure::one_rate(&load, QUIET_EVENTS_A_SECOND, LATENCY_DURATION).await?.latency;
    let mut calls = Vec::new();
    for (name, path) in CALLS {
        let start = Instant::now();
        let (status, bytes) = platform.get(path).await?;
        calls.push(Call { name, status: status.as_u16(), ms: start.elapsed().as_secs_f64() * 1e3, bytes });
    }
    Ok(Row { webhooks, cost: counts.cost(prices), latency, calls })
}
