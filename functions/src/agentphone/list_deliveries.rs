//! `GET /agentphone/v1/webhooks/deliveries`: lists the deliveries to all of the project's primary webhooks, newest
//! first.
//!
//! Query: `limit?` (1-100, default 50), `offset?` (0-10,000, default 0), `hours?` (1-8760; default: the whole log).
//!
//! - 200 `{items, total, offset, limit}`, with a `DeliveryReply` (`schema.rs`) for each delivery.
//! - 400 where the project has more than 10,000 webhooks.
//! - 401 without a valid API key, and 403 where the key may not read.
//! - 422 where the query is not valid.
//! - 503 where AWS fails.

use domain::Permission;
use http::StatusCode;
use lambda_http::Request;
use usecases::app::App;

use super::render_error;
use super::schema::{PageReply, read_page_request};
use crate::access::{Action, Resource, may};
use crate::function::{Endpoint, Function};
use crate::http::api_error::ApiError;
use crate::http::authenticate::Caller;
use crate::http::reply::{self, Reply};
use crate::json_schema::Shape;

/// The endpoint.
pub const FUNCTION: Function = Function::http(
    "agentphone-list-deliveries",
    "Lists the deliveries to all of the project's primary webhooks, newest first.",
    Endpoint {
        method: "GET",
        path: "/agentphone/v1/webhooks/deliveries",
        permission: Permission::Read,
        request: None,
        reply: (200, Some(Shape::of::<PageReply>())),
        render_error,
        handler: |app, caller, request| Box::pin(handle(app, caller, request)),
    },
    &[
        may(Resource::ConfigListing, &[Action::Query]),
        may(Resource::LogTable, &[Action::Query]),
        may(Resource::LogTable, &[Action::GetItem]),
    ],
);

async fn handle(app: &App, caller: Caller, request: &Request) -> Result<Reply, ApiError> {
    let asked = read_page_request(request, app.clock.now())?;
    let page = app.store.primary_deliveries(&caller.tenant, asked.since, asked.offset, asked.limit).await?;
    Ok(reply::json(StatusCode::OK, &PageReply::new(page, &asked)))
}
