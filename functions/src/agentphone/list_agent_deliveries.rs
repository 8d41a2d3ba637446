//! `GET /agentphone/v1/agents/{agent_id}/webhook/deliveries`: lists the deliveries to the agent's webhook, newest
//! first.
//!
//! Query: `limit?` (1-100, default 50).
//!
//! - 200 a bare array of `DeliveryReply` (`schema.rs`), empty where the webhook is not set.
//! - 401 without a valid API key, and 403 where the key may not read.
//! - 404 where the agent is not registered.
//! - 422 where `limit` is not valid.
//! - 503 where AWS fails.

use domain::Permission;
use http::StatusCode;
use lambda_http::Request;
use usecases::app::App;
use usecases::webhooks;

use super::render_error;
use super::schema::{self, DeliveryReply};
use crate::access::{Action, Resource, may};
use crate::function::{Endpoint, Function};
use crate::http::api_error::ApiError;
use crate::http::authenticate::Caller;
use crate::http::reply::{self, Reply};
use crate::json_schema::Shape;

/// The endpoint.
pub const FUNCTION: Function = Function::http(
    "agentphone-list-agent-deliveries",
    "Lists the deliveries to the agent's webhook, newest first.",
    Endpoint {
        method: "GET",
        path: "/agentphone/v1/agents/{agent_id}/webhook/deliveries",
        permission: Permission::Read,
        request: None,
        reply: (200, Some(Shape::of::<Vec<DeliveryReply>>())),
        render_error,
        handler: |app, caller, request| Box::pin(handle(app, caller, request)),
    },
    &[may(Resource::ConfigTable, &[Action::Query]), may(Resource::LogTable, &[Action::Query])],
);

async fn handle(app: &App, caller: Caller, request: &Request) -> Result<Reply, ApiError> {
    let (owner, limit) = (schema::agent(request)?, schema::read_limit(request)?);
    let deliveries: Vec<DeliveryReply> = match webhooks::primary_webhook(app, &caller.tenant, &owner).await? {
        None => Vec::new(),
        Some(webhook) => {
            let log = app.store.deliveries(&caller.tenant, &webhook.id, webhook.log_shards, limit).await?;
            log.into_iter().map(DeliveryReply::from).collect()
        }
    };
    Ok(reply::json(StatusCode::OK, &deliveries))
}
