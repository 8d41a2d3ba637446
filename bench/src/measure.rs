//! Measures one kind of work: deliveries a second, processor time, memory, and the time from publishing to receipt.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use serde::Serialize;
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

use crate::process::Process;
use crate::receiver::Receiver;
use crate::work::{Platform, Work};

/// Concurrent requests of the platform. An answered request is followed by the next at once.
const PUBLISHERS: usize = 16;

/// Events a second while latency is measured.
const LATENCY_EVENTS_A_SECOND: f64 = 50.0;

/// How long outstanding deliveries may take to arrive.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long each part lasts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lengths {
    pub(crate) warm_up: Duration,
    pub(crate) measured: Duration,
    pub(crate) latency: Duration,
}

/// The figures of one kind of work.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Figures {
    pub(crate) work: &'static str,
    pub(crate) delivered_a_second: f64,
    /// Processor time for a delivery: of the functions with their gateway and pollers, and of the stores.
    pub(crate) functions_us: f64,
    pub(crate) stores_us: f64,
    /// From publishing to receipt, at 50 events a second.
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
    pub(crate) functions_mib: u64,
}

/// Starts the functions on stores of their own, and measures `work`.
pub(crate) async fn work(work: &Work, receiver: &Arc<Receiver>, lengths: Lengths) -> Result<Figures> {
    let stores = Process::start(&["stores"]).await?;
    let functions = Process::start(&["functions", "--stores-url", &stores.url]).await?;
    let platform = Platform::new(&functions.url);
    receiver.reset(work.behavior);
    platform.set_up(work, &receiver.url).await?;

    let mut publishers = JoinSet::new();
    receiver.widen(work.window);
    for _ in 0..PUBLISHERS {
        publishers.spawn(publish(platform.clone(), receiver.clone(), *work));
    }
    tokio::time::sleep(lengths.warm_up).await;
    let (start, before) = (Instant::now(), receiver.delivered());
    let (functions_before, stores_before) = (functions.cpu()?, stores.cpu()?);
    tokio::time::sleep(lengths.measured).await;
    let (delivered, took) = (to_f64(receiver.delivered() - before), start.elapsed());
    let each_us = |cpu: Duration| cpu.as_secs_f64() * 1e6 / delivered;
    let (functions_us, stores_us) =
        (each_us(functions.cpu()? - functions_before), each_us(stores.cpu()? - stores_before));
    ensure!(publishers.try_join_next().is_none(), "publishing failed");
    publishers.shutdown().await;
    receiver.close_window();
    let functions_mib = functions.memory_mib()?;
    settle(receiver).await?;

    let Latency { p50_ms, p99_ms } = measure_latency(&platform, receiver, work, lengths.latency).await?;
    Ok(Figures {
        work: work.name,
        delivered_a_second: delivered / took.as_secs_f64(),
        functions_us,
        stores_us,
        p50_ms,
        p99_ms,
        functions_mib,
    })
}

async fn publish(platform: Platform, receiver: Arc<Receiver>, work: Work) -> Result<()> {
    loop {
        receiver.take(u32::try_from(work.batch * work.webhooks)?).await?;
        platform.publish(&work, &receiver).await?;
    }
}

/// The time from publishing to receipt.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Latency {
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
}

/// Measures latency at 50 events a second.
pub(crate) async fn measure_latency(
    platform: &Platform,
    receiver: &Arc<Receiver>,
    work: &Work,
    lasting: Duration,
) -> Result<Latency> {
    receiver.reset(work.behavior);
    publish_evenly(platform, receiver, work, lasting).await?;
    let latencies = receiver.latencies();
    ensure!(!latencies.is_empty(), "no delivery has the number of its event");
    let at = |part: f64| {
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an index")]
        let index = (to_f64(latencies.len() as u64) * part) as usize;
        latencies.get(index).copied().unwrap_or_default().as_secs_f64() * 1e3
    };
    Ok(Latency { p50_ms: at(0.5), p99_ms: at(0.99) })
}

/// Publishes at an even rate, however long each request takes. Then waits until every delivery has arrived.
async fn publish_evenly(platform: &Platform, receiver: &Arc<Receiver>, work: &Work, lasting: Duration) -> Result<()> {
    let mut ticks = tokio::time::interval(Duration::from_secs_f64(to_f64(work.batch as u64) / LATENCY_EVENTS_A_SECOND));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut requests = JoinSet::new();
    let (end, mut expected) = (Instant::now() + lasting, 0);
    while Instant::now() < end {
        ticks.tick().await;
        let (platform, receiver, work) = (platform.clone(), receiver.clone(), *work);
        expected += (work.batch * work.webhooks) as u64;
        requests.spawn(async move { platform.publish(&work, &receiver).await });
    }
    while let Some(answered) = requests.join_next().await {
        answered??;
    }
    receiver.wait_for(expected, PATIENCE).await
}

/// Waits until no attempt has arrived for 3 seconds.
async fn settle(receiver: &Receiver) -> Result<()> {
    let (start, mut last) = (Instant::now(), (receiver.attempts(), Instant::now()));
    while last.1.elapsed() < Duration::from_secs(3) {
        ensure!(start.elapsed() < PATIENCE, "deliveries kept coming");
        if receiver.attempts() != last.0 {
            last = (receiver.attempts(), Instant::now());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

#[allow(clippy::cast_precision_loss, reason = "far below 2^52")]
pub(crate) fn to_f64(number: u64) -> f64 {
    number as f64
}
