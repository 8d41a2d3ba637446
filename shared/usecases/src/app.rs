//! [`App`] holds the settings, clients, clock, ids and caches that every use case gets. A process builds it once, and
//! passes it by reference.

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_dynamodb::Client as DynamoDb;
use aws_sdk_sqs::Client as Sqs;
use clients::queue::Queues;
use clients::send::{HttpSender, SendRequest};
use clients::store::Store;
use domain::time::Clock;
use domain::{AgentId, ApiKey, Ids, Tenant, Webhook, WebhookId, WebhookRef};
use rules::settings::Settings;

use crate::dialect::Dialects;
use crate::hot_keys::HotKeyDetector;
use crate::metrics::Metrics;
use crate::ttl_cache::TtlCache;

/// How long a cache keeps an item of the config table. An eventually consistent read may lag as long.
const CACHE_TTL: Duration = Duration::from_secs(1);

/// How long a process does not list a conversation again.
const LISTED_TTL: Duration = Duration::from_secs(60 * 60);

/// How long a tenant's events go the long way after the short way has failed.
const LONG_WAY_TTL: Duration = Duration::from_secs(60);

/// Everything that a use case needs besides its arguments.
#[derive(Debug, Clone)]
pub struct App {
    /// The settings from the environment.
    pub settings: Settings,
    /// Every dialect of this release.
    pub dialects: Dialects,
    /// The two tables.
    pub store: Store,
    /// The queues.
    pub queues: Queues,
    /// The client that calls customers' URLs.
    pub sender: Arc<dyn SendRequest>,
    /// The current time.
    pub clock: Clock,
    /// The source of new ids and secrets.
    pub ids: Ids,
    /// API keys read within the last second, by their SHA-256.
    pub api_key_cache: TtlCache<String, ApiKey>,
    /// Webhooks that `deliver` used within the last second.
    pub webhook_cache: TtlCache<(Tenant, WebhookRef), Webhook>,
    /// Conversations that this process added to their agents' lists within the last hour.
    pub listed_conversations: TtlCache<(Tenant, Option<AgentId>, String), ()>,
    /// Tenants whose short way failed within the last minute. Their events go the long way.
    pub long_way_tenants: TtlCache<Tenant, ()>,
    /// Counters of the process's invocations. They count on Lambda only.
    pub metrics: Metrics,
    /// Detects webhooks that get many deliveries a second.
    pub hot_webhooks: HotKeyDetector<WebhookId>,
}

impl App {
    /// An app with these settings and clients.
    #[must_use]
    pub fn new(settings: Settings, dialects: Dialects, dynamodb: DynamoDb, sqs: Sqs) -> Self {
        Self {
            dialects,
            store: Store::new(dynamodb, &settings),
            queues: Queues::new(sqs, &settings),
            sender: Arc::new(HttpSender::new(settings.allowed_networks.clone(), settings.require_https)),
            clock: Clock::system(),
            ids: Ids::random(),
            api_key_cache: TtlCache::new(CACHE_TTL),
            webhook_cache: TtlCache::new(CACHE_TTL),
            listed_conversations: TtlCache::new(LISTED_TTL),
            long_way_tenants: TtlCache::new(LONG_WAY_TTL),
            hot_webhooks: HotKeyDetector::default(),
            metrics: Metrics::default(),
            settings,
        }
    }
}
