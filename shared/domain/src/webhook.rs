//! Agents, and the webhooks that customers register for them.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{AgentId, Health, PreviousSecret, RequestOptions, Secret, WebhookId};
use crate::time::Timestamp;

/// An agent that a platform has registered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agent {
    /// The platform's id of the agent.
    pub id: AgentId,
    /// A name for people to read.
    pub name: Option<String>,
    /// When the agent was first registered.
    pub created_at: Timestamp,
}

/// The agent or the project that a webhook belongs to. The webhook receives its owner's events.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Owner {
    /// One agent.
    Agent(AgentId),
    /// The whole project.
    Project,
}

impl Owner {
    /// The agent, if the owner is an agent.
    #[must_use]
    pub const fn agent(&self) -> Option<&AgentId> {
        match self {
            Self::Agent(id) => Some(id),
            Self::Project => None,
        }
    }
}

/// A webhook's kind. An owner has at most one primary webhook, and up to a limit of additional webhooks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum WebhookKind {
    /// An agent's primary webhook overrides the project's, which is the default.
    #[serde(rename = "slot")]
    Primary,
    /// Receives events besides the primary webhook. An additional webhook overrides nothing.
    #[serde(rename = "subscription")]
    Additional,
}

/// The name of a webhook's dialect. The webhook was set in this dialect, and its payloads are in this dialect. The core
/// passes the name on and never interprets it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DialectName(String);

impl DialectName {
    /// The dialect called `name`.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self(name.to_owned())
    }

    /// The dialect's name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The event types that a webhook asked for, by their names in the webhook's dialect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventFilter {
    /// All event types, including future ones.
    All,
    /// Only the event types with these names.
    Only(Vec<String>),
}

impl EventFilter {
    /// Whether the webhook asked for the event type called `name`.
    #[must_use]
    pub fn includes(&self, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::Only(names) => names.iter().any(|wanted| wanted == name),
        }
    }
}

/// A URL that receives events, and how they are sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// The webhook's id. Setting a primary webhook again keeps its id.
    pub id: WebhookId,
    /// The agent or project whose events the webhook receives.
    pub owner: Owner,
    /// Primary or additional.
    pub kind: WebhookKind,
    /// The dialect that the webhook was set in.
    pub dialect: DialectName,
    /// The customer's description of the webhook.
    pub description: Option<String>,
    /// The URL that receives the deliveries, as the customer wrote it.
    pub url: String,
    /// How deliveries are sent.
    pub request: RequestOptions,
    /// The secret that signs deliveries.
    pub secret: Secret,
    /// Whether the customer knows the secret. If not, deliveries go without the dialect's own signature, which nobody
    /// could verify.
    pub secret_known: bool,
    /// The secrets from before the last rotations, newest first.
    pub previous_secrets: Vec<PreviousSecret>,
    /// The header that the customer chose for the dialect's signature, if the dialect allows a choice.
    pub signature_header: Option<String>,
    /// The event types that the webhook asked for.
    pub events: EventFilter,
    /// A disabled webhook receives nothing. A disabled primary webhook of an agent still overrides the project's.
    pub enabled: bool,
    /// The most attempts after the first.
    pub retries_max: u8,
    /// The time limit of an attempt, in seconds.
    pub timeout_s: u16,
    /// The most messages of the conversation that a payload repeats.
    pub history_limit: u8,
    /// The number of partitions of the webhook's log, at least 1. It never decreases. One partition takes a thousand
    /// writes a second.
    pub log_shards: u8,
    /// From when on events are spread over `log_shards` partitions. Earlier events are in one partition.
    pub log_spread_at: Option<Timestamp>,
    /// How the endpoint has answered since the webhook was last changed.
    pub health: Health,
    /// When the webhook was first set.
    pub created_at: Timestamp,
    /// When the webhook was last changed.
    pub updated_at: Timestamp,
}

impl Webhook {
    /// The reference that reads this webhook again.
    #[must_use]
    pub fn reference(&self) -> WebhookRef {
        WebhookRef { id: self.id.clone(), owner: self.owner.clone(), kind: self.kind }
    }

    /// The number of partitions of the log for an event that was accepted at `accepted_at`. A repeated fan-out gets the
    /// same number.
    #[must_use]
    pub fn log_shards_at(&self, accepted_at: Timestamp) -> u8 {
        if self.log_spread_at.is_some_and(|spread_at| accepted_at < spread_at) { 1 } else { self.log_shards.max(1) }
    }

    /// The `updated_at` for a change at `now`. Always later than the last `updated_at`, so that no two states of a
    /// webhook share one.
    #[must_use]
    pub fn next_updated_at(&self, now: Timestamp) -> Timestamp {
        now.max(self.updated_at.plus(Duration::from_millis(1)))
    }
}

/// The parts of a webhook's key: enough to read the webhook with one request.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct WebhookRef {
    /// The webhook's id.
    pub id: WebhookId,
    /// The agent or project that the webhook belongs to.
    pub owner: Owner,
    /// Primary or additional.
    #[serde(rename = "place")]
    pub kind: WebhookKind,
}
