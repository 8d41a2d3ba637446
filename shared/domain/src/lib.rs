//! The types that all other crates share, as plain data: tenants, agents, webhooks, events, deliveries, ids and
//! secrets.
//!
//! Nothing here does I/O. The clock ([`time::Clock`]) and the source of random ids ([`Ids`]) are values that a caller
//! passes on.

mod api_key;
mod conversation;
mod delivery;
pub mod endpoint_health;
mod event;
pub mod event_types;
mod hex;
mod ids;
mod locating_ids;
mod new_ids;
mod request_options;
mod secret;
mod tenant;
pub mod time;
mod trace;
mod webhook;

pub use api_key::{ApiKey, Permission};
pub use conversation::{Conversation, Message};
pub use delivery::{Attempt, AttemptTrigger, Delivery, DeliveryKey, Status};
pub use endpoint_health::Health;
pub use event::Event;
pub use hex::hex;
pub use ids::{AgentId, DeliveryId, EventId, InvalidId, KeyId, ProjectId, WebhookId, digest};
pub use locating_ids::{DeliveryPlace, EventPack, LogName};
pub use new_ids::Ids;
pub use request_options::{Authorization, CustomHeader, Method, RequestOptions};
pub use secret::{PreviousSecret, Secret};
pub use tenant::{Environment, Tenant};
pub use trace::Traceparent;
pub use webhook::{Agent, DialectName, EventFilter, Owner, Webhook, WebhookKind, WebhookRef};
