//! The DynamoDB store: agents, webhooks and API keys in the config table, deliveries and conversations in the log
//! table.
//!
//! A call for a tenant's data takes the [`Tenant`]; only `keys` forms keys from it. The methods of [`Store`] are beside
//! the items that they read: [`agents`], [`api_keys`], [`conversations`], [`dedup`], [`deliveries`], [`events`],
//! [`idempotency_keys`], [`kept_request`], [`lists`], [`projects`], [`primary_deliveries`], [`additional_webhooks`],
//! [`waiting`], [`webhook_pointers`], [`webhook_snapshots`], [`webhook_updates`], [`webhooks`].

pub mod additional_webhooks;
pub mod agents;
pub mod api_keys;
mod attempt_item;
mod compression;
pub mod conversations;
pub mod dedup;
pub mod deliveries;
mod delivery_item;
mod delivery_item_v1;
pub mod events;
pub mod idempotency_keys;
pub mod kept_request;
mod keys;
pub mod lists;
pub mod primary_deliveries;
pub mod projects;
mod request_item;
mod reseal;
mod secrets_item;
pub mod waiting;
mod webhook_item;
pub mod webhook_pointers;
pub mod webhook_snapshots;
pub mod webhook_updates;
pub mod webhooks;
mod writes;

pub use self::keys::{DUE_INDEX, FirstPosition, GENERIC_INDEX, LISTING_INDEX};
use std::collections::HashMap;

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_dynamodb::{Client, error::ProvideErrorMetadata};
use domain::{Tenant, Webhook};
use rules::retry::Schedule;
use rules::seal::{NONCE_BYTES, SealError, SealingKeys};
use rules::settings::{KeepBodies, Settings};
use serde::Serialize;
use serde::de::DeserializeOwned;

use self::webhook_item::WebhookItem;
use crate::aws::AwsFailure;

/// The version that items are written with, except deliveries and events.
const ITEM_VERSION: u8 = 1;

/// The version that deliveries and events are written with. Deliveries of version 1 are read, too.
const LOG_VERSION: u8 = 2;

type Item = HashMap<String, AttributeValue>;

/// The two tables, and the DynamoDB client.
#[derive(Debug, Clone)]
pub struct Store {
    client: Client,
    config_table: String,
    log_table: String,
    retention_days: u16,
    keeps_all_bodies: bool,
    sealing_keys: SealingKeys,
}

/// Why a call of the store failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// DynamoDB refused the call or could not be reached.
    #[error("the call to DynamoDB failed: {0}")]
    Unavailable(AwsFailure),
    /// The tenant has more webhooks than one call reads.
    #[error("the tenant has more than {} webhooks, the most that one call reads", webhooks::LISTED_MAX)]
    TooMany,
    /// A webhook's secrets cannot be opened.
    #[error(transparent)]
    Sealed(#[from] SealError),
    /// A webhook's secrets could not be written or read as JSON, or no random bytes were available to seal them.
    #[error("a webhook's secrets could not be sealed, or are not of the expected shape")]
    Secrets,
    /// An item does not have the attributes that this release expects.
    #[error("an item is not of the expected shape")]
    Item(#[from] serde_dynamo::Error),
    /// Another release wrote the item, in another version.
    #[error("an item is of a version that this release does not know")]
    Version,
    /// An item's key is not of the expected form.
    #[error("an item's key is not of the expected form")]
    Key,
    /// A compressed attribute cannot be read.
    #[error("a compressed attribute cannot be read")]
    Compressed,
}

impl<E, R> From<SdkError<E, R>> for StoreError
where
    E: std::error::Error + ProvideErrorMetadata + 'static,
    R: std::fmt::Debug,
{
    fn from(error: SdkError<E, R>) -> Self {
        Self::Unavailable(AwsFailure::of(&error))
    }
}

impl Store {
    /// The tables that the settings name.
    #[must_use]
    pub fn new(client: Client, settings: &Settings) -> Self {
        Self {
            client,
            config_table: settings.config_table.clone(),
            log_table: settings.log_table.clone(),
            retention_days: settings.retention_days.max(days_of(&settings.retry_schedule)),
            keeps_all_bodies: settings.keep_bodies == KeepBodies::All,
            sealing_keys: settings.sealing_keys.clone(),
        }
    }

    /// A webhook as an item to store.
    fn sealed(&self, tenant: &Tenant, webhook: &Webhook) -> Result<Item, StoreError> {
        to_item(&self.seal(tenant, webhook)?)
    }

    fn seal(&self, tenant: &Tenant, webhook: &Webhook) -> Result<WebhookItem, StoreError> {
        let mut nonce = [0; NONCE_BYTES];
        getrandom::fill(&mut nonce).or(Err(StoreError::Secrets))?;
        WebhookItem::seal(tenant, webhook, &self.sealing_keys, nonce)
    }

    /// The webhook that an item holds.
    fn opened(&self, item: Item) -> Result<Webhook, StoreError> {
        from_item::<WebhookItem>(item)?.open(&self.sealing_keys)
    }

    /// The item of `table` at the `pk` and `sk` in `keys`, which may be an index's row.
    async fn item_at(&self, table: &str, keys: Item) -> Result<Option<Item>, StoreError> {
        let get = self.client.get_item().table_name(table).set_key(Some(primary_key(keys)));
        let found = get.consistent_read(true).send().await?;
        Ok(found.item)
    }
}

/// The days that a delivery may wait: all waits of the schedule, a fifth more for jitter, and three days for `Retry-After`.
/// Its body must be stored for as long.
fn days_of(schedule: &Schedule) -> u16 {
    let waits = schedule.span().mul_f64(1.2).as_secs() / 86_400;
    u16::try_from(waits).unwrap_or(u16::MAX).saturating_add(3)
}

/// The `pk` and `sk` of an index's row.
fn primary_key(mut row: Item) -> Item {
    ["pk", "sk"].into_iter().filter_map(|key| row.remove_entry(key)).collect()
}

/// Sends an update. Returns `false` if the update's condition did not hold.
async fn update_if(update: UpdateItemFluentBuilder) -> Result<bool, StoreError> {
    match update.send().await {
        Ok(_) => Ok(true),
        Err(error) if error.as_service_error().is_some_and(|e| e.is_conditional_check_failed_exception()) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

fn to_item(item: &impl Serialize) -> Result<Item, StoreError> {
    Ok(serde_dynamo::to_item(item)?)
}

fn check_version(version: u8, expected: u8) -> Result<(), StoreError> {
    if version == expected { Ok(()) } else { Err(StoreError::Version) }
}

/// The version of an item, or 0 if it has none.
fn version_of(item: &Item) -> u8 {
    let version = item.get("v").and_then(|version| version.as_n().ok());
    version.map_or(0, |version| version.parse().unwrap_or(u8::MAX))
}

/// An item of another version is refused rather than misread. An index's row without a version is accepted: the version
/// is checked in the table's item.
fn from_item<T: DeserializeOwned>(item: Item) -> Result<T, StoreError> {
    match version_of(&item) {
        0 => {}
        version => check_version(version, ITEM_VERSION)?,
    }
    Ok(serde_dynamo::from_item(item)?)
}

fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

fn flag(value: bool) -> AttributeValue {
    AttributeValue::Bool(value)
}

fn number(value: impl ToString) -> AttributeValue {
    AttributeValue::N(value.to_string())
}
