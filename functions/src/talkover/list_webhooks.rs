//! `GET /talkover/api/v1/agents/{agent_id}/webhooks`: lists an agent's webhooks, oldest first, and the events that a
//! webhook can ask for.
//!
//! Neither query nor body.
//!
//! - 200 `{success, data: {webhooks, available_events: {name: description}}}`.
//! - 401 without a valid API key, and 403 where the key may not read.
//! - 404 where the agent is not registered.
//! - 503 where AWS fails.

use domain::Permission;
use lambda_http::Request;
use usecases::app::App;
use usecases::webhooks;

use super::events::EVENTS;
use super::schema::{FoundReply, WebhookReply, WebhooksReply, agent, found};
use super::{DIALECT, render_error};
use crate::access::{Action, Resource, may};
use crate::function::{Endpoint, Function};
use crate::http::api_error::ApiError;
use crate::http::authenticate::Caller;
use crate::http::reply::Reply;
use crate::json_schema::Shape;

/// The endpoint.
pub const FUNCTION: Function = Function::http(
    "talkover-list-webhooks",
    "Lists an agent's webhooks, oldest first, and the events that a webhook can ask for.",
    Endpoint {
        method: "GET",
        path: "/talkover/api/v1/agents/{agent_id}/webhooks",
        permission: Permission::Read,
        request: None,
        reply: (200, Some(Shape::of::<FoundReply<WebhooksReply<'_>>>())),
        render_error,
        handler: |app, caller, request| Box::pin(handle(app, caller, request)),
    },
    &[may(Resource::ConfigTable, &[Action::Query])],
);

async fn handle(app: &App, caller: Caller, request: &Request) -> Result<Reply, ApiError> {
    let owner = agent(request)?;
    let webhooks = webhooks::additional_webhooks(app, &caller.tenant, &owner, DIALECT.name).await?;
    let webhooks: Vec<WebhookReply<'_>> = webhooks.iter().map(WebhookReply::from).collect();
    let available_events = EVENTS.iter().map(|event| (event.own, event.description)).collect();
    Ok(found(WebhooksReply { webhooks, available_events }))
}
