//! Agents, and the webhooks that customers register for them.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{AgentId, Health, PreviousSecret, RequestOptions, Secret, WebhookId};
use crate::time::Timestamp;

/// An agent that a platform has registered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agent {
    /// The platform's id of it.
    pub id: AgentId,
    /// What people call it.
    pub name: Option<String>,
    /// When it was first registered.
    pub created_at: Timestamp,
}

/// Whose events a webhook receives.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Owner {
    /// One agent's.
    Agent(AgentId),
    /// The whole project's.
    Project,
}

impl Owner {
    /// The agent, where it is one agent's.
    #[must_use]
    pub const fn agent(&self) -> Option<&AgentId> {
        match self {
            Self::Agent(id) => Some(id),
            Self::Project => None,
        }
    }
}

/// What a webhook is to its owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum WebhookKind {
    /// Overrides: an agent's primary webhook takes the place of the project's, which is the default.
    #[serde(rename = "slot")]
    Primary,
    /// One of many, besides the primary webhook.
    #[serde(rename = "subscription")]
    Additional,
}

/// The dialect that a webhook was set in and is told in, by its name. The core passes it on and never looks into it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DialectName(String);

impl DialectName {
    /// The dialect called `name`.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self(name.to_owned())
    }

    /// Its name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Which events a webhook asked for, in its dialect's words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventFilter {
    /// All there are and will be.
    All,
    /// Those named.
    Only(Vec<String>),
}

impl EventFilter {
    /// Whether the event called `name` was asked for.
    #[must_use]
    pub fn includes(&self, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::Only(names) => names.iter().any(|wanted| wanted == name),
        }
    }
}

/// A URL that events are sent to, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// Its id; setting a primary webhook again keeps it.
    pub id: WebhookId,
    /// Whose events it receives.
    pub owner: Owner,
    /// Primary or additional.
    pub kind: WebhookKind,
    /// The dialect it was set in.
    pub dialect: DialectName,
    /// What the customer calls it.
    pub description: Option<String>,
    /// Where its deliveries go, as the customer wrote it.
    pub url: String,
    /// How they are sent.
    pub request: RequestOptions,
    /// What they are signed with.
    pub secret: Secret,
    /// Whether the customer has it. Where not, the dialect's own signature is left out: nobody could check it.
    pub secret_known: bool,
    /// What they were signed with before the last rotations, newest first.
    pub previous_secrets: Vec<PreviousSecret>,
    /// The header that the customer wants the dialect's signature in, where the dialect lets it choose.
    pub signature_header: Option<String>,
    /// The events it asked for.
    pub events: EventFilter,
    /// A disabled one receives nothing; a disabled primary webhook of an agent still overrides.
    pub enabled: bool,
    /// Attempts after the first one.
    pub retries_max: u8,
    /// Seconds that an attempt may take in all.
    pub timeout_s: u16,
    /// Messages of the conversation that a payload may repeat.
    pub history_limit: u8,
    /// Partitions that its log is spread over (at least 1): one takes a thousand writes a second. It only ever grows.
    pub log_shards: u8,
    /// How its endpoint has answered since it was last changed.
    pub health: Health,
    /// When it was first set.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

impl Webhook {
    /// Where to find it again.
    #[must_use]
    pub fn reference(&self) -> WebhookRef {
        WebhookRef { id: self.id.clone(), owner: self.owner.clone(), kind: self.kind }
    }

    /// The time of a change that is made `now`: strictly later than the last one, so that it tells one state from the next.
    #[must_use]
    pub fn next_updated_at(&self, now: Timestamp) -> Timestamp {
        now.max(self.updated_at.plus(Duration::from_millis(1)))
    }
}

/// Where a webhook is kept: enough to read it with one request.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct WebhookRef {
    /// Its id.
    pub id: WebhookId,
    /// Whose it is.
    pub owner: Owner,
    /// Primary or additional.
    #[serde(rename = "place")]
    pub kind: WebhookKind,
}
