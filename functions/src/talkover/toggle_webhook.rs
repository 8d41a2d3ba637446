//! `PATCH /talkover/api/v1/agents/{agent_id}/webhooks/{webhook_id}/toggle`: disables an enabled webhook, and enables a
//! disabled one.
//!
//! No body. 200 `{success, message, data}`; 401; 404; 503.

use http::StatusCode;
use lambda_http::Request;
use shared::domain::Webhook;
use shared::http::caller::Caller;
use shared::http::reply::Reply;
use shared::webhooks;

use super::Problem;
use super::schema::{done, webhook};
use crate::app::App;
use crate::function::{Function, answer};

/// The function.
pub const FUNCTION: Function =
    Function::http("talkover-toggle-webhook", |app, request| Box::pin(answer(app, request, handle)));

async fn handle(app: &App, caller: Caller, request: &Request) -> Result<Reply, Problem> {
    let before = webhook(&app.store, &caller.tenant, request).await?;
    let toggled = |webhook: Webhook| Ok::<_, Problem>(Webhook { enabled: !webhook.enabled, ..webhook });
    let webhook = webhooks::update_webhook(&app.store, (&app.clock, &app.ids), &caller.tenant, before, toggled).await?;
    let message = if webhook.enabled { "Webhook enabled" } else { "Webhook disabled" };
    Ok(done(StatusCode::OK, message, &webhook))
}
