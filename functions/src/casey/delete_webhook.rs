//! `DELETE /casey/v1/backend/webhooks/{id}`: removes an endpoint.
//!
//! 204; 401; 404; 503.

use http::StatusCode;
use lambda_http::Request;
use shared::http::caller::Caller;
use shared::http::reply::{self, Reply};
use shared::webhooks;

use super::Problem;
use super::schema::endpoint;
use crate::app::App;
use crate::function::{Function, answer};

/// The function.
pub const FUNCTION: Function =
    Function::http("casey-delete-webhook", |app, request| Box::pin(answer(app, request, handle)));

async fn handle(app: &App, caller: Caller, request: &Request) -> Result<Reply, Problem> {
    let webhook = endpoint(&app.store, &caller.tenant, request).await?;
    webhooks::remove_additional_webhook(&app.store, &app.ids, &caller.tenant, &webhook).await?;
    Ok(reply::empty(StatusCode::NO_CONTENT))
}
