//! What every handler is given: settings, store, queues, sender, clock and ids. Built once a process, passed by
//! reference.

use std::time::Duration;

use aws_config::BehaviorVersion;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::Client as DynamoDb;
use aws_sdk_sqs::Client as Sqs;
use aws_smithy_http_client::Builder as HttpBuilder;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use shared::domain::{ApiKey, Ids, Tenant, Webhook, WebhookId, WebhookRef};
use shared::queue::Queues;
use shared::send::Sender;
use shared::settings::{InvalidSettings, Settings};
use shared::store::Store;
use shared::time::Clock;

use crate::hot_keys::HotKeyDetector;
use crate::metrics::Metrics;
use crate::ttl_cache::TtlCache;

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
    /// API keys that were read a moment ago, by their SHA-256.
    pub api_key_cache: TtlCache<String, ApiKey>,
    /// Webhooks that deliveries were made to a moment ago.
    pub webhook_cache: TtlCache<(Tenant, WebhookRef), Webhook>,
    /// What invocations did; counted on Lambda alone.
    pub metrics: Metrics,
    /// Deliveries that were fanned out within the last seconds, by webhook.
    pub hot_webhooks: HotKeyDetector<WebhookId>,
}

impl App {
    /// The surroundings that the process's environment describes.
    ///
    /// # Errors
    /// Where settings are missing or wrong, all of them named.
    pub async fn from_env() -> Result<Self, InvalidSettings> {
        let settings = Settings::from_env()?;
        let timeouts = TimeoutConfig::builder()
            .operation_attempt_timeout(AWS_ATTEMPT_TIMEOUT)
            .operation_timeout(AWS_CALL_TIMEOUT)
            .build();
        // One for all clients: each that has its own reads the system's certificates once more.
        let http = HttpBuilder::new().tls_provider(Provider::Rustls(CryptoMode::AwsLc)).build_https();
        let aws =
            aws_config::defaults(BehaviorVersion::latest()).http_client(http).timeout_config(timeouts).load().await;
        let metrics = Metrics::of(&settings.metrics_namespace);
        Ok(Self { metrics, ..Self::new(settings, DynamoDb::new(&aws), Sqs::new(&aws)) })
    }

    /// The surroundings with these settings.
    #[must_use]
    pub fn new(settings: Settings, dynamodb: DynamoDb, sqs: Sqs) -> Self {
        Self {
            store: Store::new(dynamodb, &settings),
            queues: Queues::new(sqs, &settings),
            sender: Sender::new(settings.allowed_networks.clone(), settings.require_https),
            clock: Clock::system(),
            ids: Ids::random(),
            api_key_cache: TtlCache::for_as_long_as(RECENT),
            webhook_cache: TtlCache::for_as_long_as(RECENT),
            hot_webhooks: HotKeyDetector::default(),
            metrics: Metrics::default(),
            settings,
        }
    }
}
