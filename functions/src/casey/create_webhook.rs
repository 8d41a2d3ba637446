//! `POST /casey/v1/backend/webhooks`: adds an endpoint.
//!
//! Body: `{url, description?, event_types?}`. 201 `{data: {id, url, description, event_types, enabled, created_at,
//! secret}}`; 400 where a field is wrong or unknown, or there are 50: nothing is stored; 401; 503.

use http::StatusCode;
use lambda_http::Request;
use shared::domain::Owner;
use shared::http::caller::Caller;
use shared::http::reply::{self, Reply};
use shared::webhooks;

use super::Problem;
use super::schema::{Data, EndpointReply, new_webhook};
use crate::app::App;
use crate::function::{Function, answer};

/// The function.
pub const FUNCTION: Function =
    Function::http("casey-create-webhook", |app, request| Box::pin(answer(app, request, handle)));

async fn handle(app: &App, caller: Caller, request: &Request) -> Result<Reply, Problem> {
    let now = app.clock.now();
    let new = new_webhook(app, request, now)?;
    let webhook = webhooks::add_webhook(
        &app.store,
        (now, &app.ids),
        &caller.tenant,
        &Owner::Project,
        new,
        app.settings.webhooks_max,
    )
    .await?;
    Ok(reply::json(StatusCode::CREATED, &Data { data: EndpointReply::with_secret(&webhook) }))
}
