//! `GET /agentphone/v1/webhooks/deliveries/all-time`: counts all logged deliveries to the project's primary webhooks.
//!
//! Neither query nor body.
//!
//! - 200 `{total, success, failed, successRate}`.
//! - 400 where the project has more than 10,000 webhooks.
//! - 401 without a valid API key, and 403 where the key may not read.
//! - 503 where AWS fails.

use domain::Permission;
use http::StatusCode;
use lambda_http::Request;
use usecases::app::App;

use super::render_error;
use super::statistics::{AllTimeStats, Counter};
use crate::access::{Action, Resource, may};
use crate::function::{Endpoint, Function};
use crate::http::api_error::ApiError;
use crate::http::authenticate::Caller;
use crate::http::reply::{self, Reply};
use crate::json_schema::Shape;

/// The endpoint.
pub const FUNCTION: Function = Function::http(
    "agentphone-get-all-time-stats",
    "Counts all logged deliveries to the project's primary webhooks.",
    Endpoint {
        method: "GET",
        path: "/agentphone/v1/webhooks/deliveries/all-time",
        permission: Permission::Read,
        request: None,
        reply: (200, Some(Shape::of::<AllTimeStats>())),
        render_error,
        handler: |app, caller, request| Box::pin(handle(app, caller, request)),
    },
    &[may(Resource::ConfigListing, &[Action::Query]), may(Resource::LogTable, &[Action::Query])],
);

async fn handle(app: &App, caller: Caller, _: &Request) -> Result<Reply, ApiError> {
    let mut counter = Counter::default();
    app.store.count_primary_deliveries(&caller.tenant, None, |delivery| counter.count(delivery)).await?;
    Ok(reply::json(StatusCode::OK, &AllTimeStats::from(counter)))
}
