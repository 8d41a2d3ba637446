//! `GET /agentphone/v1/agents/{agent_id}/webhook/deliveries`: the deliveries of the agent's webhook, newest first.
//!
//! Query: `limit?`, 1 to 100, 50 where it is not said. 200 a bare array of `DeliveryReply` (`schema.rs`), empty where
//! no webhook is set; 401; 404 where the agent is not registered; 422 where `limit` is wrong; 503.

use http::StatusCode;
use lambda_http::Request;
use shared::http::caller::Caller;
use shared::http::reply::{self, Reply};
use shared::webhooks;

use super::schema::{self, DeliveryReply};
use crate::app::App;
use crate::fastapi::Problem;
use crate::function::{Function, answer};

/// The function.
pub const FUNCTION: Function =
    Function::http("agentphone-list-agent-deliveries", |app, request| Box::pin(answer(app, request, handle)));

async fn handle(app: &App, caller: Caller, request: &Request) -> Result<Reply, Problem> {
    let (owner, limit) = (schema::agent(request)?, schema::limit(request)?);
    let deliveries: Vec<DeliveryReply> = match webhooks::primary_webhook(&app.store, &caller.tenant, &owner).await? {
        None => Vec::new(),
        Some(webhook) => {
            let log = app.store.deliveries(&caller.tenant, &webhook.id, webhook.log_shards, limit).await?;
            log.into_iter().map(DeliveryReply::from).collect()
        }
    };
    Ok(reply::json(StatusCode::OK, &deliveries))
}
