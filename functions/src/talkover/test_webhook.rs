//! `POST /talkover/api/v1/agents/{agent_id}/webhooks/{webhook_id}/test`: sends a test event to a webhook now, and waits
//! for the answer.
//!
//! Neither query nor body.
//!
//! - 200 `{success, message, data: {status_code, response_time}}`, also where the endpoint failed.
//! - 401 without a valid API key, and 403 where the key may not manage.
//! - 404 where the agent is not registered, or has no such webhook.
//! - 503 where AWS fails.

use domain::Permission;
use lambda_http::Request;
use usecases::app::App;

use super::payload::build_test_request;
use super::render_error;
use super::schema::{TestReply, find_webhook, tested};
use crate::function::{Endpoint, Function};
use crate::http::api_error::ApiError;
use crate::http::authenticate::Caller;
use crate::http::reply::Reply;
use crate::json_schema::Shape;

/// The endpoint.
pub const FUNCTION: Function = Function::http(
    "talkover-test-webhook",
    "Sends a test event to a webhook now, and waits for the answer.",
    Endpoint {
        method: "POST",
        path: "/talkover/api/v1/agents/{agent_id}/webhooks/{webhook_id}/test",
        permission: Permission::Manage,
        request: None,
        reply: (200, Some(Shape::of::<TestReply>())),
        render_error,
        handler: |app, caller, request| Box::pin(handle(app, caller, request)),
    },
    &[],
)
.calling_customers();

async fn handle(app: &App, caller: Caller, request: &Request) -> Result<Reply, ApiError> {
    let webhook = find_webhook(app, &caller.tenant, request).await?;
    let agent = match webhook.owner.agent() {
        Some(id) => app.store.agent(&caller.tenant, id).await?,
        None => None,
    };
    let tested_now =
        usecases::send_test::test_webhook(app, &webhook, |_, now| build_test_request(agent.as_ref(), &webhook, now))
            .await?;
    Ok(tested(&tested_now))
}
