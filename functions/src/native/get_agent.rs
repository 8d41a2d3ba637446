//! `GET /v1/agents/{agent_id}`: shows an agent.
//!
//! 200 `{id, name, created_at}`; 401; 404 where it is not registered; 503.

use http::StatusCode;
use lambda_http::Request;
use shared::http::caller::Caller;
use shared::http::reply::{self, Reply};

use super::Problem;
use super::schema::{AgentReply, NO_SUCH_AGENT, agent_id};
use crate::app::App;
use crate::function::{Function, answer};

/// The function.
pub const FUNCTION: Function =
    Function::http("native-get-agent", |app, request| Box::pin(answer(app, request, handle)));

async fn handle(app: &App, caller: Caller, request: &Request) -> Result<Reply, Problem> {
    let agent = app.store.agent(&caller.tenant, &agent_id(request)?).await?.ok_or(NO_SUCH_AGENT)?;
    Ok(reply::json(StatusCode::OK, &AgentReply::from(agent)))
}
