//! `DELETE /casey/v1/backend/webhooks/{id}`: removes an endpoint.
//!
//! Neither query nor body.
//!
//! - 204 without a body.
//! - 401 without a valid API key, and 403 where the key may not manage.
//! - 404 where the endpoint does not exist.
//! - 503 where AWS fails, or others keep changing the webhooks at the same time.

use domain::Permission;
use http::StatusCode;
use lambda_http::Request;
use usecases::app::App;
use usecases::webhooks;

use super::render_error;
use super::schema::find_endpoint;
use crate::access::{Action, Resource, may};
use crate::function::{Endpoint, Function};
use crate::http::api_error::ApiError;
use crate::http::authenticate::Caller;
use crate::http::reply::{self, Reply};

/// The endpoint.
pub const FUNCTION: Function = Function::http(
    "casey-delete-webhook",
    "Removes an endpoint.",
    Endpoint {
        method: "DELETE",
        path: "/casey/v1/backend/webhooks/{id}",
        permission: Permission::Manage,
        request: None,
        reply: (204, None),
        render_error,
        handler: |app, caller, request| Box::pin(handle(app, caller, request)),
    },
    &[may(Resource::ConfigTable, &[Action::DeleteItem, Action::UpdateItem])],
);

async fn handle(app: &App, caller: Caller, request: &Request) -> Result<Reply, ApiError> {
    let webhook = find_endpoint(app, &caller.tenant, request).await?;
    webhooks::delete_additional_webhook(app, &caller.tenant, &webhook).await?;
    Ok(reply::empty(StatusCode::NO_CONTENT))
}
