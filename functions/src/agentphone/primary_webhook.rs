//! The code that the endpoints of the agent's webhook and of the project's default share. They differ only in the
//! owner.

use domain::{AgentId, Owner};
use http::StatusCode;
use lambda_http::Request;
use usecases::app::App;
use usecases::send_test::test_webhook;
use usecases::webhooks::{self, WebhookError};

use super::payload::build_test_request;
use super::schema::{self, DeletedReply, TestReply, WebhookReply};
use crate::http::api_error::ApiError;
use crate::http::authenticate::Caller;
use crate::http::reply::{self, Reply};

pub(super) async fn set(app: &App, caller: &Caller, request: &Request, owner: &Owner) -> Result<Reply, ApiError> {
    let settings = schema::read_set_request(request, app.settings.require_https)?;
    let webhook = webhooks::set_primary_webhook(app, &caller.tenant, owner, settings).await?;
    Ok(reply::json(StatusCode::OK, &WebhookReply::from(&webhook)))
}

pub(super) async fn get(app: &App, caller: &Caller, owner: &Owner) -> Result<Reply, ApiError> {
    let webhook = webhooks::primary_webhook(app, &caller.tenant, owner).await?;
    Ok(reply::json(StatusCode::OK, &webhook.as_ref().map(WebhookReply::from)))
}

pub(super) async fn delete(app: &App, caller: &Caller, owner: &Owner) -> Result<Reply, ApiError> {
    webhooks::delete_primary_webhook(app, &caller.tenant, owner).await?;
    Ok(reply::json(StatusCode::OK, &DeletedReply { success: true }))
}

pub(super) async fn test(app: &App, caller: &Caller, request: &Request, owner: &Owner) -> Result<Reply, ApiError> {
    let message = schema::read_test_request(request, owner)?;
    if let Some(named) = &message.agent_id
        && owner.agent().is_none()
    {
        let named = AgentId::parse(named).or(Err(WebhookError::NoSuchAgent))?;
        app.store.agent(&caller.tenant, &named).await?.ok_or(WebhookError::NoSuchAgent)?;
    }
    let webhook = webhooks::primary_webhook(app, &caller.tenant, owner).await?.ok_or(WebhookError::NotSet)?;
    let tested = test_webhook(app, &webhook, |id, now| build_test_request(&message, id, now)).await?;
    Ok(reply::json(StatusCode::OK, &TestReply::from(&tested.outcome)))
}
