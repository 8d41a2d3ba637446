//! `GET /v1/agents`: lists the agents in the order of their ids.
//!
//! Query: `limit?`, 1 to 100, 50 where it is not said; `cursor?`, the `next_cursor` of the page before. 200
//! `{agents: [{id, name, created_at}], next_cursor}`, where `next_cursor` is null on the last page; 401; 422 where the
//! query is wrong; 503. An agent registered within the last second may be missing.

use http::StatusCode;
use lambda_http::Request;
use serde_json::json;
use shared::http::caller::Caller;
use shared::http::reply::{self, Reply};
use shared::http::{cursor, request::query_parameter};

use super::Problem;
use super::schema::AgentReply;
use crate::app::App;
use crate::function::{Function, answer};

const LIMIT_DEFAULT: u16 = 50;
const LIMIT_MAX: u16 = 100;

/// The function.
pub const FUNCTION: Function =
    Function::http("native-list-agents", |app, request| Box::pin(answer(app, request, handle)));

async fn handle(app: &App, caller: Caller, request: &Request) -> Result<Reply, Problem> {
    let limit = limit(request)?;
    let after = query_parameter(request, "cursor").map(|text| cursor::read(&text)).transpose();
    let after = after.map_err(|error| Problem::field("cursor", error.to_string()))?;
    // One more than asked for tells whether there is another page.
    let mut agents = app.store.agents(&caller.tenant, after.as_ref(), limit + 1).await?;
    let more = agents.len() > usize::from(limit);
    agents.truncate(limit.into());
    let next_cursor = agents.last().filter(|_| more).map(|agent| cursor::after(&agent.id));
    let agents: Vec<AgentReply> = agents.into_iter().map(AgentReply::from).collect();
    Ok(reply::json(StatusCode::OK, &json!({ "agents": agents, "next_cursor": next_cursor })))
}

fn limit(request: &Request) -> Result<u16, Problem> {
    let Some(text) = query_parameter(request, "limit") else { return Ok(LIMIT_DEFAULT) };
    let limit = text.parse().ok().filter(|limit| (1..=LIMIT_MAX).contains(limit));
    limit.ok_or_else(|| Problem::field("limit", format!("a whole number from 1 to {LIMIT_MAX}")))
}
