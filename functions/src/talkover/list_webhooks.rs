//! `GET /talkover/api/v1/agents/{agent_id}/webhooks`: lists an agent's webhooks, oldest first, and the events that one
//! can ask for.
//!
//! 200 `{success, data: {webhooks, available_events: {name: description}}}`; 401; 404; 503.

use indexmap::IndexMap;
use lambda_http::Request;
use serde_json::json;
use shared::http::caller::Caller;
use shared::http::reply::Reply;
use shared::webhooks;

use super::DIALECT;
use super::Problem;
use super::events::AVAILABLE_EVENTS;
use super::schema::{WebhookReply, agent, found};
use crate::app::App;
use crate::function::{Function, answer};

/// The function.
pub const FUNCTION: Function =
    Function::http("talkover-list-webhooks", |app, request| Box::pin(answer(app, request, handle)));

async fn handle(app: &App, caller: Caller, request: &Request) -> Result<Reply, Problem> {
    let owner = agent(request)?;
    let webhooks = webhooks::additional_webhooks(&app.store, &caller.tenant, &owner, DIALECT.name).await?;
    let webhooks: Vec<WebhookReply<'_>> = webhooks.iter().map(WebhookReply::from).collect();
    let available_events: IndexMap<&str, &str> = AVAILABLE_EVENTS.iter().copied().collect();
    Ok(found(&json!({ "webhooks": webhooks, "available_events": available_events })))
}
