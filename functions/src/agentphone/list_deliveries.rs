//! `GET /agentphone/v1/webhooks/deliveries`: lists the deliveries to all of the project's primary webhooks, newest first.
//!
//! Query: `limit` (1-100, default 50), `offset` (0-10,000), `hours` (1-8760; default: all that the log holds).
//! 200 `{items, total, offset, limit}`; 400 where the project has over 10,000 webhooks; 401; 422; 503.

use http::StatusCode;
use lambda_http::Request;
use shared::http::caller::Caller;
use shared::http::reply::{self, Reply};

use super::schema::{PageReply, page};
use crate::app::App;
use crate::fastapi::Problem;
use crate::function::{Function, answer};

/// The function.
pub const FUNCTION: Function =
    Function::http("agentphone-list-deliveries", |app, request| Box::pin(answer(app, request, handle)));

async fn handle(app: &App, caller: Caller, request: &Request) -> Result<Reply, Problem> {
    let asked = page(request, app.clock.now())?;
    let page = app.store.primary_deliveries(&caller.tenant, asked.since, asked.offset, asked.limit).await?;
    Ok(reply::json(StatusCode::OK, &PageReply::new(page, &asked)))
}
