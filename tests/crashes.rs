//! Nothing accepted is lost. Every call that leaves a function is made to fail or to end its invocation, and still
//! every accepted event is delivered, or marked `failed`.
//!
//! `PROMISES=long cargo test -p switchhook-tests crashes -- --nocapture` tries every fault at every point, and prints
//! the table. Without `PROMISES=long`, each point gets one of the four faults.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use functions::function::Trigger;
use functions::pipeline;
use futures::{StreamExt, stream};
use http::Method;
use local::invoke;
use local::stack::StoresAt;
use local::stores::{DataLocation, Stores};
use serde_json::{Value, json};
use usecases::app::App;

use crate::faults::{FAULTS, Fault, Faults, Point};
use crate::promises::{Outcome, is_long, print_row};
use crate::receiver::{Receiver, Step};
use crate::stack::{AGENT, Api, OTHER_AGENT, PATIENCE};

/// Concurrent stacks.
const AT_ONCE: usize = 6;

/// Calls of one point that get a fault, at most: `sweep` alone makes 64 calls of a kind in one run.
const CALLS_MAX: usize = 2;

/// Seconds for which SQS hides a message in flight. Recovery from an ended invocation begins after them. In production
/// they are minutes.
const VISIBILITY_S: &str = "3";

/// A stack with faults in it, and an endpoint for each webhook.
struct Run {
    api: Api,
    faults: Faults,
    well: Receiver,
    flaky: Receiver,
    casey: Receiver,
    /// Events that were accepted.
    accepted: usize,
    outcome: Outcome,
    // The last field, so that the stores are dropped last.
    _stores: Stores,
}

impl Run {
    async fn start(faults: Faults) -> Result<Self> {
        let stores = Stores::start(&DataLocation::Memory, 0).await?;
        let settings = [("RETRY_SCHEDULE", "4s,1s,1s"), ("SWEEP_AFTER", "1s"), ("VISIBILITY_TIMEOUT_S", VISIBILITY_S)];
        let at = StoresAt::Url(stores.url.clone());
        let (standing, url) = (faults.clone(), stores.url.clone());
        let api = Api::changed_async(&at, &settings, async |app: &mut App| {
            standing.stand_in(app, &url).await;
        })
        .await?;
        let run = Self {
            well: Receiver::start(&[]).await?,
            flaky: Receiver::start(&[Step::Status(500)]).await?,
            casey: Receiver::start(&[]).await?,
            accepted: 0,
            outcome: Outcome::default(),
            faults,
            api,
            _stores: stores,
        };
        run.api.set_webhook(AGENT, &run.well.url("/")).await?;
        run.api.set_webhook(OTHER_AGENT, &run.flaky.url("/")).await?;
        let casey = json!({ "url": run.casey.url("/"), "event_types": ["call.completed"] });
        run.api.post("/casey/v1/backend/webhooks", &casey).await?;
        Ok(run)
    }

    /// Publishes an event until it is accepted, as a platform does.
    async fn publish(&mut self, event: &Value, key: Option<&str>) -> Result<()> {
        let headers: Vec<(&str, &str)> = key.map(|key| ("idempotency-key", key)).into_iter().collect();
        for _ in 0..10 {
            let answer = self.api.send_with(Method::POST, "/v1/events", event.to_string(), &headers).await?;
            match answer.status {
                202 => {
                    self.accepted += 1;
                    return Ok(());
                }
                500.. => self.outcome.server_errors += 1,
                other => bail!("{other}: {}", answer.body),
            }
        }
        bail!("no try was accepted")
    }

    async fn publish_all(&mut self) -> Result<()> {
        let event = |agent: &str, n: u64| json!({ "type": "call.completed", "agent_id": agent, "data": { "n": n } });
        let with = |mut event: Value, fields: Value| {
            event.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
            event
        };
        let said = json!({
            "type": "message.received", "id": "order-1", "conversation_id": "c", "conversation_state": {},
        });
        self.publish(&with(event(AGENT, 0), said), None).await?;
        self.publish(&with(event(OTHER_AGENT, 1), json!({ "id": "order-2" })), None).await?;
        self.publish(&event(AGENT, 2), Some("request-1")).await?;
        self.lose_retries().await?;
        self.publish(&event(OTHER_AGENT, 3), None).await
    }

    /// Loses the message of the flaky endpoint's retry, which `sweep` must then queue again.
    async fn lose_retries(&self) -> Result<()> {
        self.flaky.wait_for(1).await?;
        let start = Instant::now();
        while self.pending().await? == 0 && start.elapsed() < Duration::from_secs(2) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        self.api.purge("RetriesQueue").await
    }

    /// The numbers of the events that each endpoint must get.
    fn expected(&self) -> [(&Receiver, BTreeSet<u64>); 3] {
        [
            (&self.well, BTreeSet::from([0, 2])),
            (&self.flaky, BTreeSet::from([1, 3])),
            (&self.casey, BTreeSet::from([1, 2, 3])),
        ]
    }

    fn missing(&self) -> usize {
        let numbers = |receiver: &Receiver| -> BTreeSet<u64> {
            receiver.received().iter().filter_map(|received| received.json()["data"]["n"].as_u64()).collect()
        };
        self.expected().iter().map(|(receiver, numbers_expected)| (numbers_expected - &numbers(receiver)).len()).sum()
    }

    /// Deliveries in the log that wait for another attempt.
    async fn pending(&self) -> Result<usize> {
        let mut pending = 0;
        for agent in [AGENT, OTHER_AGENT] {
            let deliveries = self.api.deliveries(agent).await?;
            pending += deliveries.iter().filter(|delivery| delivery["status"] == "pending").count();
        }
        Ok(pending)
    }

    /// Runs `sweep` until everything has arrived.
    async fn recover(&mut self) -> Result<()> {
        let start = Instant::now();
        let Trigger::Schedule(_, sweep) = pipeline::sweep::FUNCTION.trigger else { bail!("sweep is scheduled") };
        while self.missing() > 0 || self.pending().await? > 0 || self.api.messages().await? > 0 {
            if start.elapsed() > PATIENCE {
                break;
            }
            let app = self.api.app.clone();
            // The invocation may end early, as on AWS.
            let _ended =
                invoke::run_invocation("pipeline-sweep", PATIENCE, async move { sweep(&app).await.is_ok() }).await;
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
        Ok(())
    }

    /// Counts the missing events, and the requests that came too often.
    fn finish(mut self) -> RunResult {
        self.outcome.lost = self.missing();
        let repeats = [&self.well, &self.flaky, &self.casey].map(|receiver| {
            let received = receiver.received();
            let ids: BTreeSet<&str> = received.iter().map(|received| received.header("webhook-id")).collect();
            received.len() - ids.len()
        });
        // The flaky endpoint refused its first request, so that one repeat is a retry.
        self.outcome.duplicated = repeats.iter().sum::<usize>().saturating_sub(1);
        RunResult { accepted: self.accepted, outcome: self.outcome, faults: self.faults }
    }
}

/// The result of a run, and the faults with the calls that they have seen.
struct RunResult {
    accepted: usize,
    outcome: Outcome,
    faults: Faults,
}

async fn run_with(faults: Faults) -> Result<RunResult> {
    let mut run = Box::pin(Run::start(faults)).await?;
    run.publish_all().await?;
    run.recover().await?;
    Ok(run.finish())
}

/// A fault at a call of a point, after `skipped` calls that succeed.
struct Case {
    point: Point,
    skipped: usize,
    fault: Fault,
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_accepted_is_lost_wherever_a_call_fails_or_an_invocation_ends() -> Result<()> {
    let RunResult { outcome, faults, .. } = Box::pin(run_with(Faults::default())).await?;
    assert_eq!(outcome, Outcome::default(), "without a fault");
    let points: Vec<(Point, usize)> =
        faults.seen().into_iter().filter(|((function, _), _)| function.starts_with("pipeline-")).collect();
    assert!(points.len() >= 16, "{points:?}");
    let runs = stream::iter(cases_at(&points, is_long())).map(|case| async move {
        let faults = Faults::at(&case.point, case.skipped, case.fault);
        anyhow::Ok((case, tokio::spawn(Box::pin(run_with(faults))).await??))
    });
    let results: Vec<_> = runs.buffered(AT_ONCE).collect::<Vec<_>>().await.into_iter().collect::<Result<_>>()?;
    let (accepted, outcome) = print_and_sum(&results);
    let met = results.iter().filter(|(_, result)| result.faults.fired()).count();
    let tried = format!("{met} faults at {} points, {accepted} events", points.len());
    print_row("makes a call fail, or ends its invocation", &tried, Some(outcome));
    assert_eq!(outcome.lost, 0, "lost");
    Ok(())
}

/// Prints the outcome of each case. Returns the sum of the accepted events, and the sum of the outcomes.
#[allow(clippy::print_stdout, reason = "the developer asked for the outcome of each case")]
fn print_and_sum(results: &[(Case, RunResult)]) -> (usize, Outcome) {
    let (mut accepted_in_all, mut sum) = (0, Outcome::default());
    for (Case { point: (function, call), skipped, fault }, RunResult { accepted, outcome, faults }) in results {
        let Outcome { lost, duplicated, server_errors } = outcome;
        let number = skipped + 1;
        println!(
            "  {function} {call} {number} {fault:?}: {accepted} accepted, {lost} lost, {duplicated} duplicated, {server_errors} 5xx"
        );
        // The number of calls beyond the first differs from run to run.
        assert!(faults.fired() || number > 1, "{function} {call} {number} {fault:?} was never met");
        accepted_in_all += accepted;
        sum.lost += lost;
        sum.duplicated += duplicated;
        sum.server_errors += server_errors;
    }
    (accepted_in_all, sum)
}

/// Every fault at the first calls of each point. In the short form, one fault at the first call of each point.
fn cases_at(points: &[(Point, usize)], is_long: bool) -> Vec<Case> {
    let mut cases = Vec::new();
    for (index, (point, times)) in points.iter().enumerate() {
        for (number, fault) in FAULTS.into_iter().enumerate() {
            for skipped in 0..(*times).min(CALLS_MAX) {
                if is_long || (skipped == 0 && index % FAULTS.len() == number) {
                    cases.push(Case { point: point.clone(), skipped, fault });
                }
            }
        }
    }
    cases
}
