//! `GET /v1/agents`: lists the agents in the order of their ids.
//!
//! Query: `limit?` (1-100, default 50); `cursor?`, the `next_cursor` of the page before.
//!
//! - 200 `{agents: [{id, name, created_at}], next_cursor}`. On the last page, `next_cursor` is null. An agent that was
//!   registered within the last second may be missing.
//! - 401 without a valid API key, and 403 where the key may not read.
//! - 422 where the query is not valid.
//! - 503 where AWS fails.

use std::ops::RangeInclusive;

use domain::Permission;
use http::StatusCode;
use lambda_http::Request;
use usecases::app::App;

use super::render_error;
use super::schema::{AgentReply, AgentsReply, CONVERSIONS};
use crate::access::{Action, Resource, may};
use crate::function::{Endpoint, Function};
use crate::http::api_error::{ApiError, Rule};
use crate::http::authenticate::Caller;
use crate::http::cursor;
use crate::http::fields::{Fields, read_query};
use crate::http::read_request::query_parameter;
use crate::http::reply::{self, Reply};
use crate::json_schema::Shape;

const LIMIT_DEFAULT: u16 = 50;
const LIMITS: RangeInclusive<i64> = 1..=100;

/// The endpoint.
pub const FUNCTION: Function = Function::http(
    "native-list-agents",
    "Lists the agents in the order of their ids.",
    Endpoint {
        method: "GET",
        path: "/v1/agents",
        permission: Permission::Read,
        request: None,
        reply: (200, Some(Shape::of::<AgentsReply>())),
        render_error,
        handler: |app, caller, request| Box::pin(handle(app, caller, request)),
    },
    &[may(Resource::ConfigListing, &[Action::Query])],
);

async fn handle(app: &App, caller: Caller, request: &Request) -> Result<Reply, ApiError> {
    let query = read_query(request, &["limit"]);
    let mut fields = Fields::new(CONVERSIONS, "query", &query);
    let limit = fields.integer("limit", LIMITS, None).and_then(|limit| u16::try_from(limit).ok());
    fields.finish()?;
    let limit = limit.unwrap_or(LIMIT_DEFAULT);
    let after = query_parameter(request, "cursor").map(|text| cursor::read(&text)).transpose();
    let after = after.map_err(|error| ApiError::field("query", "cursor", Rule::Other(error.to_string())))?;
    // The store reads one agent more than the page holds: an extra agent means that there is another page.
    let mut agents = app.store.agents(&caller.tenant, after.as_ref(), limit + 1).await?;
    let more = agents.len() > usize::from(limit);
    agents.truncate(limit.into());
    let next_cursor = agents.last().filter(|_| more).map(|agent| cursor::after(&agent.id));
    let agents = agents.into_iter().map(AgentReply::from).collect();
    Ok(reply::json(StatusCode::OK, &AgentsReply { agents, next_cursor }))
}
