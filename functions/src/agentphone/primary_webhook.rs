//! What the endpoints of the agent's webhook and of the project's default share: they differ in the owner alone.

use http::StatusCode;
use lambda_http::Request;
use serde_json::json;
use shared::domain::{AgentId, Owner};
use shared::http::caller::Caller;
use shared::http::reply::{self, Reply};
use shared::webhooks::{self, WebhookError};

use super::payload::build_test_request;
use super::schema::{self, TestReply, WebhookReply};
use crate::app::App;
use crate::fastapi::Problem;
use crate::test_call;

pub(super) async fn set(app: &App, caller: &Caller, request: &Request, owner: &Owner) -> Result<Reply, Problem> {
    let settings = schema::settings(request, app.settings.require_https)?;
    let made_of = (&app.clock, &app.ids);
    let webhook = webhooks::set_primary_webhook(&app.store, made_of, &caller.tenant, owner, settings).await?;
    Ok(reply::json(StatusCode::OK, &WebhookReply::from(&webhook)))
}

pub(super) async fn get(app: &App, caller: &Caller, owner: &Owner) -> Result<Reply, Problem> {
    let webhook = webhooks::primary_webhook(&app.store, &caller.tenant, owner).await?;
    Ok(reply::json(StatusCode::OK, &webhook.as_ref().map(WebhookReply::from)))
}

pub(super) async fn delete(app: &App, caller: &Caller, owner: &Owner) -> Result<Reply, Problem> {
    webhooks::remove_primary_webhook(&app.store, &caller.tenant, owner).await?;
    Ok(reply::json(StatusCode::OK, &json!({ "success": true })))
}

pub(super) async fn test(app: &App, caller: &Caller, request: &Request, owner: &Owner) -> Result<Reply, Problem> {
    let message = schema::test_message(request, owner)?;
    if let Some(named) = &message.agent_id
        && owner.agent().is_none()
    {
        let named = AgentId::parse(named).or(Err(WebhookError::NoSuchAgent))?;
        app.store.agent(&caller.tenant, &named).await?.ok_or(WebhookError::NoSuchAgent)?;
    }
    let webhook = webhooks::primary_webhook(&app.store, &caller.tenant, owner).await?.ok_or(WebhookError::NotSet)?;
    let tested = test_call::send(app, &webhook, |id, now| build_test_request(&message, id, now)).await?;
    Ok(reply::json(StatusCode::OK, &TestReply::from(&tested.outcome)))
}
