//! `GET /casey/v1/backend/webhooks`: lists the endpoints, oldest first.
//!
//! 200 `{data: [{id, url, description, event_types, enabled, created_at}]}`; 401; 503.

use http::StatusCode;
use lambda_http::Request;
use shared::http::caller::Caller;
use shared::http::reply::{self, Reply};

use super::Problem;
use super::schema::{Data, EndpointReply, endpoints};
use crate::app::App;
use crate::function::{Function, answer};

/// The function.
pub const FUNCTION: Function =
    Function::http("casey-list-webhooks", |app, request| Box::pin(answer(app, request, handle)));

async fn handle(app: &App, caller: Caller, _: &Request) -> Result<Reply, Problem> {
    let webhooks = endpoints(&app.store, &caller.tenant).await?;
    let data: Vec<EndpointReply<'_>> = webhooks.iter().map(EndpointReply::from).collect();
    Ok(reply::json(StatusCode::OK, &Data { data }))
}
