//! `POST /talkover/api/v1/agents/{agent_id}/webhooks`: adds a webhook to an agent.
//!
//! Body: the fields of `settings.rs`. 201 `{success, message, data}`; 401; 404 where the agent is not registered;
//! 413; 422 where a field is wrong, or the agent has 50: nothing is stored; 503.

use http::StatusCode;
use lambda_http::Request;
use shared::domain::{DialectName, EventFilter, Webhook};
use shared::http::caller::Caller;
use shared::http::reply::Reply;
use shared::webhooks::{self, NewWebhook};

use super::Problem;
use super::schema::{agent, done};
use super::{DIALECT, settings};
use crate::app::App;
use crate::function::{Function, answer};

/// The function.
pub const FUNCTION: Function =
    Function::http("talkover-create-webhook", |app, request| Box::pin(answer(app, request, handle)));

async fn handle(app: &App, caller: Caller, request: &Request) -> Result<Reply, Problem> {
    let (owner, settings, now) = (agent(request)?, settings::read(app, request, None)?, app.clock.now());
    let secret_known = settings.secret.is_some();
    let new = NewWebhook {
        id: app.ids.webhook_uuid(now),
        dialect: DialectName::new(DIALECT.name),
        description: Some(settings.name),
        url: settings.url,
        request: settings.request,
        secret: settings.secret.unwrap_or_else(|| app.ids.secret()),
        secret_known,
        events: EventFilter::Only(settings.events),
        enabled: settings.enabled,
        retries_max: settings.retries_max,
        timeout_s: settings.timeout_s,
    };
    let webhook: Webhook =
        webhooks::add_webhook(&app.store, (now, &app.ids), &caller.tenant, &owner, new, app.settings.webhooks_max)
            .await?;
    Ok(done(StatusCode::CREATED, "Webhook created successfully", &webhook))
}
