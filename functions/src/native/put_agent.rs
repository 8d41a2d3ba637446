//! `PUT /v1/agents/{agent_id}`: registers an agent, or gives it another name.
//!
//! Body: none, or `{name?}`; the name is at most 255 characters, and one left out is removed. 201 where the agent is
//! new, else 200, with `{id, name, created_at}`; 400 where the body is no JSON; 401; 422 where the id or a field is
//! wrong: nothing is stored; 503.

use http::StatusCode;
use lambda_http::Request;
use shared::http::caller::Caller;
use shared::http::reply::{self, Reply};
use shared::store::agents::Put;

use super::Problem;
use super::schema::{AgentReply, agent_request, new_agent_id};
use crate::app::App;
use crate::function::{Function, answer};

/// The function.
pub const FUNCTION: Function =
    Function::http("native-put-agent", |app, request| Box::pin(answer(app, request, handle)));

async fn handle(app: &App, caller: Caller, request: &Request) -> Result<Reply, Problem> {
    let (id, body) = (new_agent_id(request)?, agent_request(request)?);
    let (agent, put) = app.store.put_agent(&caller.tenant, &id, body.name.as_deref(), app.clock.now()).await?;
    let status = match put {
        Put::Created => StatusCode::CREATED,
        Put::Replaced => StatusCode::OK,
    };
    Ok(reply::json(status, &AgentReply::from(agent)))
}
