//! `GET /agentphone/v1/webhooks/deliveries/stats`: counts the deliveries to all of the project's primary webhooks.
//!
//! Query: `hours` (1-8760, default 24). 200 `{total, success, failed, pending, successRate, byEventType, byHour}`; 400
//! where the project has over 10,000 webhooks; 401; 422; 503.

use http::StatusCode;
use lambda_http::Request;
use shared::http::caller::Caller;
use shared::http::reply::{self, Reply};

use super::schema::since;
use super::statistics::Counter;
use crate::app::App;
use crate::fastapi::Problem;
use crate::function::{Function, answer};

/// The function.
pub const FUNCTION: Function =
    Function::http("agentphone-get-delivery-stats", |app, request| Box::pin(answer(app, request, handle)));

async fn handle(app: &App, caller: Caller, request: &Request) -> Result<Reply, Problem> {
    let since = since(request, app.clock.now())?;
    let mut counter = Counter::default();
    app.store.count_primary_deliveries(&caller.tenant, Some(since), |delivery| counter.count(delivery)).await?;
    Ok(reply::json(StatusCode::OK, &counter.finish()))
}
