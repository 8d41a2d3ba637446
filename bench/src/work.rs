//! What is measured: kinds of work, and publishing them.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use local::demo::{AGENTS, TEST_KEY};
use serde_json::{Value, json};

use crate::receiver::{Manner, Receiver};

/// Bytes of an event's JSON.
pub(crate) const EVENT_BYTES: usize = 600;

/// A kind of work.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Work {
    /// What the table calls it.
    pub(crate) name: &'static str,
    /// Events in one request; 1 publishes single events.
    pub(crate) batch: usize,
    /// Webhooks that each event goes to.
    pub(crate) webhooks: usize,
    /// How their endpoint behaves.
    pub(crate) manner: Manner,
    /// Deliveries that may be under way.
    pub(crate) window: usize,
}

const WELL: Manner = Manner { failing_percent: 0, pause: Duration::ZERO };

/// The four kinds of work that are measured.
pub(crate) const WORKS: [Work; 4] = [
    Work { name: "one event, one webhook", batch: 1, webhooks: 1, manner: WELL, window: 2000 },
    Work { name: "one event, 10 webhooks", batch: 1, webhooks: 10, manner: WELL, window: 2000 },
    Work { name: "batches of 100", batch: 100, webhooks: 1, manner: WELL, window: 2000 },
    Work {
        name: "30 % of attempts fail",
        batch: 100,
        webhooks: 1,
        manner: Manner { failing_percent: 30, pause: Duration::ZERO },
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

    /// Registers the work's webhooks, all at one URL.
    pub(crate) async fn set_up(&self, work: &Work, url: &str) -> Result<()> {
        let agent = agent(work);
        if work.webhooks == 1 {
            return self.post(&format!("/agentphone/v1/agents/{agent}/webhook"), &json!({ "url": url })).await;
        }
        for number in 0..work.webhooks {
            let webhook = json!({
                "name": format!("number {number}"), "events": ["event_phone_call_ended"], "webhook_url": url,
            });
            self.post(&format!("/talkover/api/v1/agents/{agent}/webhooks"), &webhook).await?;
        }
        Ok(())
    }

    /// Publishes a request's worth of events.
    pub(crate) async fn publish(&self, work: &Work, receiver: &Receiver) -> Result<()> {
        let events: Vec<Value> = (0..work.batch).map(|_| event(agent(work), receiver.publishing())).collect();
        let body =
            if work.batch == 1 { events.into_iter().next().unwrap_or_default() } else { json!({ "events": events }) };
        self.post("/v1/events", &body).await
    }

    async fn post(&self, path: &str, body: &Value) -> Result<()> {
        let request = self.http.post(format!("{}{path}", self.url)).bearer_auth(TEST_KEY).body(body.to_string());
        let answer = request.send().await?;
        let status = answer.status();
        ensure!(status.is_success(), "{path}: {status} {}", answer.text().await?);
        // Read to its end, so that the connection is used again.
        answer.bytes().await.map(drop).context("the answer broke off")
    }
}

fn agent(work: &Work) -> &'static str {
    let [(one, _), (many, _)] = AGENTS;
    if work.webhooks == 1 { one } else { many }
}

/// An event of [`EVENT_BYTES`].
pub(crate) fn event(agent: &str, number: usize) -> Value {
    let mut event = json!({
        "type": "call.completed",
        "agent_id": agent,
        "data": { "n": number, "call_id": "call_0123456789", "status": "completed", "summary": "" },
    });
    let missing = EVENT_BYTES.saturating_sub(event.to_string().len());
    if let Some(data) = event.get_mut("data") {
        data["summary"] = Value::from("x".repeat(missing));
    }
    event
}
