//! The words of this product as plain data. Nothing here does I/O, reads a clock or makes up an id.

mod api_key;
mod conversation;
mod delivery;
mod event;
mod health;
mod ids;
mod request;
mod secret;
mod tenant;
mod trace;
mod webhook;

pub use api_key::{ApiKey, Permission};
pub use conversation::{Conversation, Message};
pub use delivery::{Delivery, DeliveryKey, Status};
pub use event::Event;
pub use health::Health;
pub(crate) use ids::digest;
pub use ids::{AgentId, DeliveryId, EventId, Ids, InvalidAgentId, KeyId, ProjectId, WebhookId};
pub use request::{Authorization, CustomHeader, Method, RequestOptions};
pub use secret::{PreviousSecret, Secret};
pub use tenant::{Environment, Tenant};
pub use trace::Traceparent;
pub use webhook::{Agent, DialectName, EventFilter, Owner, Webhook, WebhookKind, WebhookRef};
