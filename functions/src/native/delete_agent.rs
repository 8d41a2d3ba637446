//! `DELETE /v1/agents/{agent_id}`: removes an agent and its webhooks.
//!
//! 204; 401; 404 where it is not registered; 503: some of it may be gone, and calling again removes the rest.

use http::StatusCode;
use lambda_http::Request;
use shared::http::caller::Caller;
use shared::http::reply::{self, Reply};

use super::Problem;
use super::schema::{NO_SUCH_AGENT, agent_id};
use crate::app::App;
use crate::function::{Function, answer};

/// The function.
pub const FUNCTION: Function =
    Function::http("native-delete-agent", |app, request| Box::pin(answer(app, request, handle)));

async fn handle(app: &App, caller: Caller, request: &Request) -> Result<Reply, Problem> {
    if app.store.delete_agent(&caller.tenant, &agent_id(request)?).await? {
        Ok(reply::empty(StatusCode::NO_CONTENT))
    } else {
        Err(NO_SUCH_AGENT)
    }
}
