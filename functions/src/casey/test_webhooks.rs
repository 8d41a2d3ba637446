//! `POST /casey/v1/backend/webhooks/test`: sends `test.event` to every endpoint, the way that real events go.
//!
//! No body. 200 `{data: {success: true, message_id}}` once the event is queued; 401; 503.

use http::StatusCode;
use lambda_http::Request;
use serde_json::json;
use shared::http::caller::Caller;
use shared::http::reply::{self, Reply};

use super::Problem;
use super::schema::{Data, endpoints};
use crate::app::App;
use crate::function::{Function, answer};
use crate::pipeline::publish_events::publish_to;

/// The function.
pub const FUNCTION: Function =
    Function::http("casey-test-webhooks", |app, request| Box::pin(answer(app, request, handle)));

async fn handle(app: &App, caller: Caller, _: &Request) -> Result<Reply, Problem> {
    let endpoints = endpoints(&app.store, &caller.tenant).await?;
    let ids = endpoints.into_iter().map(|webhook| webhook.id).collect();
    let event = json!({ "type": "test.event", "data": { "message": "This is a test event." } });
    let id = publish_to(app, &caller.tenant, &event, ids).await?;
    Ok(reply::json(StatusCode::OK, &Data { data: json!({ "success": true, "message_id": id }) }))
}
