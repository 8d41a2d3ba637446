//! `POST /casey/v1/backend/webhooks`: adds an endpoint.
//!
//! Body: `{url, description?, event_types?}`.
//!
//! - 201 `{data: {id, url, description, event_types, enabled, created_at, secret}}`.
//! - 400 where the body is over 64 KiB or not a JSON object, or a field is not valid or unknown. Also where the project
//!   has as many endpoints as the setting `WEBHOOKS_MAX` allows. Nothing is stored.
//! - 401 without a valid API key, and 403 where the key may not manage.
//! - 503 where AWS fails, or others keep changing the webhooks at the same time.

use domain::{Owner, Permission};
use http::StatusCode;
use lambda_http::Request;
use usecases::app::App;
use usecases::webhooks;

use super::render_error;
use super::schema::{CreateRequest, Data, EndpointReply, read_create_request};
use crate::access::{Action, Resource, may};
use crate::function::{Endpoint, Function};
use crate::http::api_error::ApiError;
use crate::http::authenticate::Caller;
use crate::http::reply::{self, Reply};
use crate::json_schema::Shape;

/// The endpoint.
pub const FUNCTION: Function = Function::http(
    "casey-create-webhook",
    "Adds an endpoint.",
    Endpoint {
        method: "POST",
        path: "/casey/v1/backend/webhooks",
        permission: Permission::Manage,
        request: Some(Shape::of::<CreateRequest<'_>>()),
        reply: (201, Some(Shape::of::<Data<EndpointReply<'_>>>())),
        render_error,
        handler: |app, caller, request| Box::pin(handle(app, caller, request)),
    },
    &[may(Resource::ConfigTable, &[Action::PutItem, Action::UpdateItem])],
);

async fn handle(app: &App, caller: Caller, request: &Request) -> Result<Reply, ApiError> {
    let new = read_create_request(app, request, app.clock.now())?;
    let webhook = webhooks::add_additional_webhook(app, &caller.tenant, &Owner::Project, new).await?;
    Ok(reply::json(StatusCode::CREATED, &Data { data: EndpointReply::with_secret(&webhook) }))
}
