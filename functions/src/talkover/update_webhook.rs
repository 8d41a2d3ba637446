//! `PUT /talkover/api/v1/agents/{agent_id}/webhooks/{webhook_id}`: changes the fields that are given, and no others.
//!
//! Body: those of the fields of `settings.rs`. 200 `{success, message, data}`; 401; 404; 413; 422 where a field is
//! wrong: nothing is changed; 503.

use http::StatusCode;
use lambda_http::Request;
use shared::domain::{EventFilter, Webhook};
use shared::http::caller::Caller;
use shared::http::reply::Reply;
use shared::webhooks;

use super::Problem;
use super::schema::{done, webhook};
use super::settings;
use crate::app::App;
use crate::function::{Function, answer};

/// The function.
pub const FUNCTION: Function =
    Function::http("talkover-update-webhook", |app, request| Box::pin(answer(app, request, handle)));

async fn handle(app: &App, caller: Caller, request: &Request) -> Result<Reply, Problem> {
    let before = webhook(&app.store, &caller.tenant, request).await?;
    let webhook = webhooks::update_webhook(&app.store, (&app.clock, &app.ids), &caller.tenant, before, |webhook| {
        updated(app, request, webhook)
    });
    Ok(done(StatusCode::OK, "Webhook updated successfully", &webhook.await?))
}

fn updated(app: &App, request: &Request, before: Webhook) -> Result<Webhook, Problem> {
    let settings = settings::read(app, request, Some(&before))?;
    let secret_known = settings.secret.is_some();
    let secret = match settings.secret {
        Some(secret) => secret,
        None if before.secret_known => app.ids.secret(),
        None => before.secret.clone(),
    };
    Ok(Webhook {
        description: Some(settings.name),
        url: settings.url,
        request: settings.request,
        secret,
        secret_known,
        events: EventFilter::Only(settings.events),
        enabled: settings.enabled,
        retries_max: settings.retries_max,
        timeout_s: settings.timeout_s,
        ..before
    })
}
