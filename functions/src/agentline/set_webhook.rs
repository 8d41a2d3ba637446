//! `POST /agentline/v1/webhooks`: sets or replaces an agent's webhook.
//!
//! Body: `{url, agent_id, secret?, signature_header?}`. 200 `{agent_id, url, secret, signature_header, created_at}` with
//! the full secret, this once; 401; 404 where the agent is not registered; 413; 422 where a field is wrong: nothing is
//! stored; 503.

use http::StatusCode;
use lambda_http::Request;
use shared::http::caller::Caller;
use shared::http::reply::{self, Reply};
use shared::webhooks;

use super::schema::{WebhookReply, set_request};
use crate::app::App;
use crate::fastapi::Problem;
use crate::function::{Function, answer};

/// The function.
pub const FUNCTION: Function =
    Function::http("agentline-set-webhook", |app, request| Box::pin(answer(app, request, handle)));

async fn handle(app: &App, caller: Caller, request: &Request) -> Result<Reply, Problem> {
    let set = set_request(request, app.settings.require_https)?;
    let made_of = (&app.clock, &app.ids);
    let webhook = webhooks::set_primary_webhook(&app.store, made_of, &caller.tenant, &set.owner, set.settings).await?;
    Ok(reply::json(StatusCode::OK, &WebhookReply::with_secret(&webhook)))
}
