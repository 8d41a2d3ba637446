//! `GET /casey/v1/backend/webhooks/{id}`: shows an endpoint.
//!
//! 200 `{data: {id, url, description, event_types, enabled, created_at}}`; 401; 404; 503.

use http::StatusCode;
use lambda_http::Request;
use shared::http::caller::Caller;
use shared::http::reply::{self, Reply};

use super::Problem;
use super::schema::{Data, EndpointReply, endpoint};
use crate::app::App;
use crate::function::{Function, answer};

/// The function.
pub const FUNCTION: Function =
    Function::http("casey-get-webhook", |app, request| Box::pin(answer(app, request, handle)));

async fn handle(app: &App, caller: Caller, request: &Request) -> Result<Reply, Problem> {
    let webhook = endpoint(&app.store, &caller.tenant, request).await?;
    Ok(reply::json(StatusCode::OK, &Data { data: EndpointReply::from(&webhook) }))
}
