//! Registers events with a client id. A repeat of a client id must have the same content.

use clients::store::FirstPosition;
use clients::store::dedup::Registered;
use domain::time::Timestamp;
use domain::{Event, Tenant};
use futures::future::try_join_all;
use serde_json::value::RawValue;

use super::PublishError;
use super::content_digest::content_digest;
use crate::app::App;
use crate::internal_error::InternalError;

/// The digest of Switchhook's own events.
const OWN_DIGEST: &str = "own";

/// Registers the events that have a client id. A repeat takes the time and the position of the first event, so that its
/// deliveries have the same ids.
///
/// # Errors
/// Where a client id belongs to an event with other content: then no event of the request stays registered. Also where
/// DynamoDB fails.
pub(super) async fn register(
    app: &App,
    tenant: &Tenant,
    raws: &[Box<RawValue>],
    events: &mut [Event],
    now: Timestamp,
) -> Result<(), PublishError> {
    let with_client_id = raws.iter().zip(&*events).enumerate().filter(|(_, (_, event))| event.has_client_id);
    let registrations = with_client_id.map(async |(index, (raw, event))| {
        let digest = content_digest(raw);
        let registered = app.store.register_event(tenant, event, &digest, now).await?;
        Ok::<_, InternalError>((index, digest, registered))
    });
    let registrations = try_join_all(registrations).await?;
    let (mut reused, mut new) = (Vec::new(), Vec::new());
    for (index, digest, registered) in registrations {
        match (registered, events.get_mut(index)) {
            (Registered::OtherContent, _) => reused.push(index),
            (Registered::New, Some(event)) => new.push((event.id.clone(), digest)),
            (Registered::Repeat(first), Some(event)) => take_position(event, first),
            (Registered::New | Registered::Repeat(_), None) => {}
        }
    }
    if reused.is_empty() {
        return Ok(());
    }
    try_join_all(new.iter().map(|(id, digest)| app.store.unregister_event(tenant, id, digest))).await?;
    Err(PublishError::IdsReused(reused))
}

/// Registers an event that a platform put into the queue.
///
/// # Errors
/// Where the client id belongs to an event with other content, or DynamoDB fails.
pub(crate) async fn register_queued(
    app: &App,
    tenant: &Tenant,
    raw: &RawValue,
    event: &mut Event,
) -> Result<(), InternalError> {
    register_one(app, tenant, event, &content_digest(raw)).await
}

/// Registers an event of Switchhook's own. Its id says all: a repeat may differ in its time.
///
/// # Errors
/// Where DynamoDB fails.
pub(super) async fn register_own(app: &App, tenant: &Tenant, event: &mut Event) -> Result<(), InternalError> {
    register_one(app, tenant, event, OWN_DIGEST).await
}

async fn register_one(app: &App, tenant: &Tenant, event: &mut Event, digest: &str) -> Result<(), InternalError> {
    match app.store.register_event(tenant, event, digest, app.clock.now()).await? {
        Registered::New => {}
        Registered::Repeat(first) => take_position(event, first),
        Registered::OtherContent => return Err(InternalError::IdReused(event.id.clone())),
    }
    Ok(())
}

fn take_position(event: &mut Event, first: FirstPosition) {
    event.occurred_at = first.occurred_at;
    event.accepted_at = first.accepted_at;
    event.position = first.position;
}
