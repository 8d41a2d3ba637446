//! The short way of an event: publishing dispatches it, and puts its deliveries into their queue. The events queue and
//! `fan_out` are left out.
//!
//! Only events without a client id go the short way, and only if all deliveries of a request fit into one call to SQS.
//! If anything fails, the events go the long way with the same ids. A delivery that was queued already is then queued
//! again, under the same delivery id.
//!
//! Each request reads the project's webhooks. DynamoDB reads a key 3,000 times a second, and `fan_out` shares a read among
//! ten messages. So after a failure, this process lets the tenant's events go the long way for a minute.

use std::error::Error;

use clients::queue::BATCH_MESSAGES_MAX;
use domain::{Event, Tenant, Traceparent};
use futures::future::try_join_all;

use super::pack_events::Pack;
use crate::app::App;
use crate::internal_error::InternalError;
use crate::pipeline::{Batch, Dispatch, decide, dispatch_to};

/// Dispatches the events of a request, if they may go the short way. Returns `false` if they have to go the long way.
pub(super) async fn dispatch_here(
    app: &App,
    tenant: &Tenant,
    events: &[Event],
    packs: &[Pack],
    traceparent: Option<&Traceparent>,
) -> bool {
    let now = app.clock.now();
    let is_unfit = events.len() > BATCH_MESSAGES_MAX || events.iter().any(|event| event.has_client_id);
    if is_unfit || app.long_way_tenants.get(tenant, now).is_some() {
        return false;
    }
    let dispatched = try_to_dispatch(app, tenant, events, packs, traceparent).await;
    dispatched.unwrap_or_else(|error| {
        let error = &error as &dyn Error;
        tracing::warn!(error, "events could not be dispatched where they were published, and are queued");
        app.long_way_tenants.insert(tenant.clone(), (), now, now);
        false
    })
}

async fn try_to_dispatch(
    app: &App,
    tenant: &Tenant,
    events: &[Event],
    packs: &[Pack],
    traceparent: Option<&Traceparent>,
) -> Result<bool, InternalError> {
    let batch = Batch::new(app, events.len());
    let of = |event| Dispatch { tenant, event, traceparent, only: None, is_stored: true };
    let recipients = try_join_all(events.iter().map(|event| decide(&batch, of(event)))).await?;
    if recipients.iter().map(|recipients| recipients.len()).sum::<usize>() > BATCH_MESSAGES_MAX {
        return Ok(false);
    }
    let dispatched = try_join_all(events.iter().zip(&recipients).map(async |(event, recipients)| {
        let dispatched = dispatch_to(&batch, of(event), recipients).await;
        batch.leave();
        Ok::<_, InternalError>((event, Some(dispatched?)))
    }));
    let mut dispatched: Vec<_> = dispatched.await?.into_iter().map(Some).collect();
    let stored = packs.iter().map(|pack| {
        let events = pack.indexes.iter().filter_map(|&index| dispatched.get_mut(index)?.take());
        let events: Vec<_> = events.collect();
        async move {
            let Some((first, _)) = events.first().and_then(|(event, _)| event.id.pack()) else { return Ok(()) };
            app.store.put_events(tenant, &first, &events, traceparent).await.map_err(InternalError::from)
        }
    });
    try_join_all(stored.collect::<Vec<_>>()).await?;
    Ok(true)
}
