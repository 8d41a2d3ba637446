//! What every handler is given: settings, store, queues, sender, clock and ids. Built once a process, passed by
//! reference.

use std::time::Duration;

use aws_config::BehaviorVersion;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::Client as DynamoDb;
use aws_sdk_sqs::Client as Sqs;
use shared::domain::{Ids, Scope, Webhook, WebhookRef};
use shared::http::caller::Caller;
use shared::queue::Queues;
use shared::send::{Sender, SetupError};
use shared::settings::{InvalidSettings, Settings};
use shared::store::Store;
use shared::time::Clock;

use crate::recent::Recent;

/// The longest that one try of a call to AWS may take.
const AWS_ATTEMPT_TIMEOUT: Duration = Duration::from_secs(3);

/// The longest that a call to AWS may take with its retries: well within what a function has left after its work.
const AWS_CALL_TIMEOUT: Duration = Duration::from_secs(8);

/// How long what was read of the config table counts as recent: as long as a read that is not strongly consistent may lag.
const RECENT: Duration = Duration::from_secs(1);

/// A function's surroundings.
#[derive(Debug, Clone)]
pub struct App {
    /// What the environment sets.
    pub settings: Settings,
    /// The two tables.
    pub store: Store,
    /// The three queues.
    pub queues: Queues,
    /// The client that calls customers' URLs.
    pub sender: Sender,
    /// The current time.
    pub clock: Clock,
    /// New ids and secrets.
    pub ids: Ids,
    /// What API keys opened a moment ago.
    pub recent_callers: Recent<String, Caller>,
    /// Webhooks that deliveries were made to a moment ago.
    pub recent_webhooks: Recent<(Scope, WebhookRef), Webhook>,
}

/// Why a function cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The environment is not complete.
    #[error(transparent)]
    Settings(#[from] InvalidSettings),
    /// The HTTP client could not be set up.
    #[error(transparent)]
    Sender(#[from] SetupError),
}

impl App {
    /// The surroundings that the process's environment describes.
    ///
    /// # Errors
    /// Where settings are missing or wrong, all of them named, or TLS cannot be set up.
    pub async fn from_env() -> Result<Self, StartError> {
        let settings = Settings::from_env()?;
        let timeouts = TimeoutConfig::builder()
            .operation_attempt_timeout(AWS_ATTEMPT_TIMEOUT)
            .operation_timeout(AWS_CALL_TIMEOUT)
            .build();
        let aws = aws_config::defaults(BehaviorVersion::latest()).timeout_config(timeouts).load().await;
        Self::new(settings, DynamoDb::new(&aws), Sqs::new(&aws))
    }

    /// The surroundings with these settings.
    ///
    /// # Errors
    /// Where TLS cannot be set up.
    pub fn new(settings: Settings, dynamodb: DynamoDb, sqs: Sqs) -> Result<Self, StartError> {
        Ok(Self {
            store: Store::new(dynamodb, &settings),
            queues: Queues::new(sqs, &settings),
            sender: Sender::new(settings.allowed_networks.clone(), settings.require_https)?,
            clock: Clock::system(),
            ids: Ids::random(),
            recent_callers: Recent::for_as_long_as(RECENT),
            recent_webhooks: Recent::for_as_long_as(RECENT),
            settings,
        })
    }
}
