//! What every handler is given: settings, store, queues, sender, clock and ids. Built once a process, passed by
//! reference.

use std::time::Duration;

use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, SdkConfig};
use shared::domain::Ids;
use shared::queue::Queues;
use shared::send::{Sender, SetupError};
use shared::settings::{InvalidSettings, Settings};
use shared::store::Store;
use shared::time::Clock;

/// The longest that one try of a call to AWS may take.
const AWS_ATTEMPT_TIMEOUT: Duration = Duration::from_secs(3);

/// The longest that a call to AWS may take with its retries: well within what a function has left after its work.
const AWS_CALL_TIMEOUT: Duration = Duration::from_secs(8);

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
        Self::new(settings, &aws, &aws)
    }

    /// The surroundings with these settings; DynamoDB and SQS are reached as their configurations say.
    ///
    /// # Errors
    /// Where TLS cannot be set up.
    pub fn new(settings: Settings, dynamodb: &SdkConfig, sqs: &SdkConfig) -> Result<Self, StartError> {
        Ok(Self {
            store: Store::connect(dynamodb, &settings),
            queues: Queues::connect(sqs, &settings),
            sender: Sender::new(settings.allowed_networks.clone(), settings.require_https)?,
            clock: Clock::system(),
            ids: Ids::random(),
            settings,
        })
    }
}
