//! The measured kinds of work, and the platform that publishes their events.

use std::borrow::Cow;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use futures::{StreamExt, TryStreamExt, stream};
use http::{Method, StatusCode};
use local::demo::{AGENTS, TEST_KEY};
use serde_json::{Value, json};

use crate::event::event;
use crate::receiver::{Behavior, Receiver};

/// Agents that are registered at once.
const SET_UP_AT_ONCE: usize = 64;

/// A kind of work.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Work {
    /// Its name in the table.
    pub(crate) name: &'static str,
    /// Events in one request; 1 publishes single events.
    pub(crate) batch: usize,
    /// Webhooks that each event goes to.
    pub(crate) webhooks: usize,
    /// Agents that the events belong to, in turn. Each agent has webhooks of its own.
    pub(crate) agents: usize,
    /// How the webhooks' endpoint behaves.
    pub(crate) behavior: Behavior,
    /// Deliveries that may be outstanding.
    pub(crate) window: usize,
}

const NO_FAILURES: Behavior = Behavior { failing_percent: 0, pause: Duration::ZERO };

/// The four kinds of work that are measured.
pub(crate) const WORKS: [Work; 4] = [
    Work { name: "one event, one webhook", batch: 1, webhooks: 1, agents: 1, behavior: NO_FAILURES, window: 2000 },
    Work { name: "one event, 10 webhooks", batch: 1, webhooks: 10, agents: 1, behavior: NO_FAILURES, window: 2000 },
    Work { name: "batches of 100", batch: 100, webhooks: 1, agents: 1, behavior: NO_FAILURES, window: 2000 },
    Work {
        name: "30 % of attempts fail",
        batch: 100,
        webhooks: 1,
        agents: 1,
        behavior: Behavior { failing_percent: 30, pause: Duration::ZERO },
        window: 8_000,
    },
];

/// A platform: it registers webhooks and publishes events.
#[derive(Clone)]
pub(crate) struct Platform {
    url: String,
    http: reqwest::Client,
}

impl Platform {
    pub(crate) fn new(url: &str) -> Self {
        Self { url: url.to_owned(), http: reqwest::Client::new() }
    }

    /// Registers the work's agents and their webhooks, all at one URL.
    pub(crate) async fn set_up(&self, work: &Work, url: &str) -> Result<()> {
        let agents = stream::iter(0..work.agents).map(Ok);
        agents.try_for_each_concurrent(SET_UP_AT_ONCE, |number| self.set_up_agent(work, number, url)).await
    }

    async fn set_up_agent(&self, work: &Work, number: usize, url: &str) -> Result<()> {
        let agent = work.agent(number);
        if work.agents > 1 {
            self.send(Method::PUT, &format!("/v1/agents/{agent}"), &json!({})).await?;
        }
        if work.webhooks == 1 {
            let path = format!("/agentphone/v1/agents/{agent}/webhook");
            return self.send(Method::POST, &path, &json!({ "url": url })).await;
        }
        for number in 0..work.webhooks {
            let webhook = json!({
                "name": format!("number {number}"), "events": ["event_phone_call_ended"], "webhook_url": url,
            });
            self.send(Method::POST, &format!("/talkover/api/v1/agents/{agent}/webhooks"), &webhook).await?;
        }
        Ok(())
    }

    /// Publishes one request with a batch of events.
    pub(crate) async fn publish(&self, work: &Work, receiver: &Receiver) -> Result<()> {
        let numbers = (0..work.batch).map(|_| receiver.publishing());
        let events: Vec<Value> = numbers.map(|number| event(&work.agent(number), number)).collect();
        let body =
            if work.batch == 1 { events.into_iter().next().unwrap_or_default() } else { json!({ "events": events }) };
        self.send(Method::POST, "/v1/events", &body).await
    }

    /// Calls the API. Returns the answer's status, and its body's length in bytes.
    pub(crate) async fn get(&self, path: &str) -> Result<(StatusCode, usize)> {
        let answer = self.http.get(format!("{}{path}", self.url)).bearer_auth(TEST_KEY).send().await?;
        Ok((answer.status(), answer.bytes().await?.len()))
    }

    async fn send(&self, method: Method, path: &str, body: &Value) -> Result<()> {
        let request = self.http.request(method, format!("{}{path}", self.url)).bearer_auth(TEST_KEY);
        let answer = request.body(body.to_string()).send().await?;
        let status = answer.status();
        ensure!(status.is_success(), "{path}: {status} {}", answer.text().await?);
        // The answer is read to its end, so that its connection can be used again.
        answer.bytes().await.map(drop).context("the answer broke off")
    }
}

impl Work {
    /// The agent of an event: one of the demo project's agents if a single agent is enough.
    fn agent(&self, number: usize) -> Cow<'static, str> {
        let [(one, _), (many, _)] = AGENTS;
        match (self.agents, self.webhooks) {
            (1, 1) => one.into(),
            (1, _) => many.into(),
            (agents, _) => format!("agt_{}", number % agents).into(),
        }
    }
}
