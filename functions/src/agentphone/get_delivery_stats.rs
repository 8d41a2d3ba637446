//! `GET /agentphone/v1/webhooks/deliveries/stats`: counts the deliveries to all of the project's primary webhooks.
//!
//! Query: `hours?` (1-8760, default 24).
//!
//! - 200 `{total, success, failed, pending, successRate, byEventType, byHour}`.
//! - 400 where the project has more than 10,000 webhooks.
//! - 401 without a valid API key, and 403 where the key may not read.
//! - 422 where `hours` is not valid.
//! - 503 where AWS fails.

use domain::Permission;
use http::StatusCode;
use lambda_http::Request;
use usecases::app::App;

use super::render_error;
use super::schema::read_since;
use super::statistics::{Counter, Stats};
use crate::access::{Action, Resource, may};
use crate::function::{Endpoint, Function};
use crate::http::api_error::ApiError;
use crate::http::authenticate::Caller;
use crate::http::reply::{self, Reply};
use crate::json_schema::Shape;

/// The endpoint.
pub const FUNCTION: Function = Function::http(
    "agentphone-get-delivery-stats",
    "Counts the deliveries to all of the project's primary webhooks.",
    Endpoint {
        method: "GET",
        path: "/agentphone/v1/webhooks/deliveries/stats",
        permission: Permission::Read,
        request: None,
        reply: (200, Some(Shape::of::<Stats>())),
        render_error,
        handler: |app, caller, request| Box::pin(handle(app, caller, request)),
    },
    &[may(Resource::ConfigListing, &[Action::Query]), may(Resource::LogTable, &[Action::Query])],
);

async fn handle(app: &App, caller: Caller, request: &Request) -> Result<Reply, ApiError> {
    let since = read_since(request, app.clock.now())?;
    let mut counter = Counter::default();
    app.store.count_primary_deliveries(&caller.tenant, Some(since), |delivery| counter.count(delivery)).await?;
    Ok(reply::json(StatusCode::OK, &counter.finish()))
}
