//! `POST /talkover/api/v1/agents/{agent_id}/webhooks/{webhook_id}/test`: sends a test event to a webhook now, and waits.
//!
//! No body. 200 `{success, message, data: {status_code, response_time}}`, also where the endpoint failed; 401; 404; 503.

use lambda_http::Request;
use shared::http::caller::Caller;
use shared::http::reply::Reply;

use super::Problem;
use super::payload::build_test_request;
use super::schema::{tested, webhook};
use crate::app::App;
use crate::function::{Function, answer};
use crate::test_call;

/// The function.
pub const FUNCTION: Function =
    Function::http("talkover-test-webhook", |app, request| Box::pin(answer(app, request, handle))).calling_customers();

async fn handle(app: &App, caller: Caller, request: &Request) -> Result<Reply, Problem> {
    let webhook = webhook(&app.store, &caller.tenant, request).await?;
    let agent = match webhook.owner.agent() {
        Some(id) => app.store.agent(&caller.tenant, id).await?,
        None => None,
    };
    let tested_now = test_call::send(app, &webhook, |_, now| build_test_request(agent.as_ref(), &webhook, now)).await?;
    Ok(tested(&tested_now))
}
