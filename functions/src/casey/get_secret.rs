//! `GET /casey/v1/backend/webhooks/{id}/secret`: shows what an endpoint's deliveries are signed with.
//!
//! 200 `{data: {secret}}`; 401; 403 with a key that only reads; 404; 503.

use http::StatusCode;
use lambda_http::Request;
use serde_json::json;
use shared::domain::Permission;
use shared::http::caller::Caller;
use shared::http::reply::{self, Reply};

use super::Problem;
use super::schema::{Data, endpoint};
use crate::app::App;
use crate::function::{Function, answer_who_may};

/// The function.
pub const FUNCTION: Function = Function::http("casey-get-secret", |app, request| {
    Box::pin(answer_who_may(Permission::Manage, app, request, handle))
});

async fn handle(app: &App, caller: Caller, request: &Request) -> Result<Reply, Problem> {
    let webhook = endpoint(&app.store, &caller.tenant, request).await?;
    Ok(reply::json(StatusCode::OK, &Data { data: json!({ "secret": webhook.secret.expose() }) }))
}
