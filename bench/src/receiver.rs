//! A customer's endpoint. It answers at once or after a pause, fails a percentage of attempts, and records how long
//! each event took to arrive.

use std::collections::{HashMap, HashSet};
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use http::{HeaderMap, StatusCode};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

/// Failed attempts of one delivery, at most, so that every delivery succeeds in the end. It does not hold if all attempts
/// fail.
const FAILURES_MAX: u32 = 4;

/// How the endpoint behaves from now on.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Behavior {
    /// Attempts of a hundred that fail. With 100, no delivery ever succeeds.
    pub(crate) failing_percent: u64,
    /// How long the endpoint waits before it answers.
    pub(crate) pause: Duration,
}

#[derive(Default)]
struct Seen {
    behavior: Behavior,
    delivered: HashSet<String>,
    /// Failed attempts of each delivery.
    failures: HashMap<String, u32>,
    /// When each event was published, by its number.
    published: Vec<Instant>,
    latencies: Vec<Duration>,
}

struct Shared {
    seen: Mutex<Seen>,
    attempts: AtomicU64,
    delivered: AtomicU64,
    /// Deliveries that may still be published before others have arrived.
    window: Semaphore,
}

/// A running endpoint.
pub(crate) struct Receiver {
    shared: Arc<Shared>,
    /// The endpoint's URL.
    pub(crate) url: String,
}

impl Receiver {
    pub(crate) async fn start() -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let url = format!("http://{}/", listener.local_addr()?);
        let shared = Arc::new(Shared {
            seen: Mutex::default(),
            attempts: AtomicU64::new(0),
            delivered: AtomicU64::new(0),
            window: Semaphore::new(0),
        });
        let router = Router::new().fallback(answer).with_state(shared.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self { shared, url })
    }

    /// Forgets everything, follows `behavior` from now on, and closes the window: nothing may be published yet.
    pub(crate) fn reset(&self, behavior: Behavior) {
        *self.shared.seen() = Seen { behavior, ..Seen::default() };
        self.shared.attempts.store(0, Ordering::Relaxed);
        self.shared.delivered.store(0, Ordering::Relaxed);
        self.close_window();
    }

    /// Deliveries so far, each counted once.
    pub(crate) fn delivered(&self) -> u64 {
        self.shared.delivered.load(Ordering::Relaxed)
    }

    /// Waits until `deliveries` deliveries have arrived.
    pub(crate) async fn wait_for(&self, deliveries: u64, patience: Duration) -> Result<()> {
        let start = Instant::now();
        while self.delivered() < deliveries {
            ensure!(start.elapsed() < patience, "{} of {deliveries} arrived", self.delivered());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Ok(())
    }

    /// Attempts so far.
    pub(crate) fn attempts(&self) -> u64 {
        self.shared.attempts.load(Ordering::Relaxed)
    }

    /// Returns the number of an event that is about to be published, and records the time.
    pub(crate) fn publishing(&self) -> usize {
        let mut seen = self.shared.seen();
        seen.published.push(Instant::now());
        seen.published.len() - 1
    }

    /// The time from publishing to receipt of each delivery that has arrived since the last call.
    pub(crate) fn take_latencies(&self) -> Vec<Duration> {
        std::mem::take(&mut self.shared.seen().latencies)
    }

    /// Widens the window by `deliveries`.
    pub(crate) fn widen(&self, deliveries: usize) {
        self.shared.window.add_permits(deliveries);
    }

    /// Closes the window: nothing more may be published.
    pub(crate) fn close_window(&self) {
        self.shared.window.forget_permits(usize::MAX);
    }

    /// Waits until the window has room for `deliveries`, and takes that room.
    pub(crate) async fn take(&self, deliveries: u32) -> Result<()> {
        self.shared.window.acquire_many(deliveries).await?.forget();
        Ok(())
    }
}

impl Shared {
    fn seen(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn answer(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let now = Instant::now();
    let attempt = shared.attempts.fetch_add(1, Ordering::Relaxed);
    let behavior = shared.seen().behavior;
    if !behavior.pause.is_zero() {
        tokio::time::sleep(behavior.pause).await;
    }
    let id = headers.get("webhook-id").and_then(|id| id.to_str().ok()).unwrap_or_default();
    let mut seen = shared.seen();
    // 37 has no divisor in common with 100: every hundred attempts give each remainder once, in a mixed order.
    if attempt.wrapping_mul(37) % 100 < behavior.failing_percent {
        let failures = seen.failures.entry(id.to_owned()).or_default();
        *failures += 1;
        if *failures <= FAILURES_MAX || behavior.failing_percent >= 100 {
            return StatusCode::INTERNAL_SERVER_ERROR;
        }
    }
    if seen.delivered.insert(id.to_owned()) {
        if let Some(published) = number(&body).and_then(|number| seen.published.get(number)).copied() {
            seen.latencies.push(now - published);
        }
        shared.delivered.fetch_add(1, Ordering::Relaxed);
        shared.window.add_permits(1);
    }
    StatusCode::OK
}

/// The event's number, which follows `"n":` in its data.
fn number(body: &[u8]) -> Option<usize> {
    const NAME: &[u8] = b"\"n\":";
    let at = body.windows(NAME.len()).position(|window| window == NAME)? + NAME.len();
    let digits = body.get(at..)?.iter().take_while(|byte| byte.is_ascii_digit());
    Some(digits.fold(0, |number, digit| number * 10 + usize::from(digit - b'0')))
}
