//! `GET /agentphone/v1/webhooks/deliveries/all-time`: counts all deliveries to the project's primary webhooks that the log holds.
//!
//! 200 `{total, success, failed, successRate}`; 400 where the project has over 10,000 webhooks; 401; 503.

use http::StatusCode;
use lambda_http::Request;
use shared::http::caller::Caller;
use shared::http::reply::{self, Reply};

use super::statistics::{AllTimeStats, Counter};
use crate::app::App;
use crate::fastapi::Problem;
use crate::function::{Function, answer};

/// The function.
pub const FUNCTION: Function =
    Function::http("agentphone-get-all-time-stats", |app, request| Box::pin(answer(app, request, handle)));

async fn handle(app: &App, caller: Caller, _: &Request) -> Result<Reply, Problem> {
    let mut counter = Counter::default();
    app.store.count_primary_deliveries(&caller.tenant, None, |delivery| counter.count(delivery)).await?;
    Ok(reply::json(StatusCode::OK, &AllTimeStats::from(counter)))
}
