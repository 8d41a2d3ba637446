//! Casey's requests and replies.

use domain::time::Timestamp;
use domain::{DialectName, EventFilter, Owner, RequestOptions, Tenant, Webhook, WebhookId};
use lambda_http::Request;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};
use usecases::app::App;
use usecases::dialect::Dialects;
use usecases::publish::{EVENT_TYPE_FORM, TYPE_CHARS_MAX, is_event_type};
use usecases::webhooks::{self, NewWebhook};

use super::DIALECT;
use crate::http::api_error::{ApiError, IntegerError, Rule};
use crate::http::fields::{Conversions, Fields, Given, Presence, UrlLimits, read_object};
use crate::http::read_request::{body_bytes, path_parameter};

/// Casey does not convert values.
const CONVERSIONS: Conversions =
    Conversions { blank_is_null: false, integer: |value| value.as_i64().ok_or(IntegerError::Type) };

/// The event type of an endpoint that asks for none.
const EVENT_TYPES_DEFAULT: &str = "conversation.completed";
/// The most event types of one endpoint.
const EVENT_TYPES_MAX: usize = 50;
/// The longest URL, in characters.
const URL_CHARS_MAX: usize = 2083;
/// The longest description, in characters.
const DESCRIPTION_CHARS_MAX: usize = 1000;
/// Retries after the first attempt.
const RETRIES_MAX: u8 = 10;
/// Seconds that an attempt may take. Casey's customers cannot choose the timeout.
pub(super) const TIMEOUT_S: u16 = 30;

/// `{id, url, description, event_types, enabled, created_at}`, and `secret` in the reply to the call that adds it.
#[derive(Serialize, JsonSchema)]
pub(super) struct EndpointReply<'a> {
    id: &'a str,
    url: &'a str,
    description: &'a str,
    event_types: &'a [String],
    enabled: bool,
    created_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<&'a str>,
}

impl<'a> From<&'a Webhook> for EndpointReply<'a> {
    fn from(webhook: &'a Webhook) -> Self {
        Self {
            id: webhook.id.as_str(),
            url: &webhook.url,
            description: webhook.description.as_deref().unwrap_or_default(),
            event_types: match &webhook.events {
                EventFilter::All => &[],
                EventFilter::Only(types) => types,
            },
            enabled: webhook.enabled,
            created_at: webhook.created_at.iso8601(),
            secret: None,
        }
    }
}

impl<'a> EndpointReply<'a> {
    pub(super) fn with_secret(webhook: &'a Webhook) -> Self {
        Self { secret: Some(webhook.secret.expose()), ..Self::from(webhook) }
    }
}

/// `{data: …}`
#[derive(Serialize, JsonSchema)]
pub(super) struct Data<T> {
    pub(super) data: T,
}

/// An endpoint's secret.
#[derive(Serialize, JsonSchema)]
pub(super) struct SecretReply<'a> {
    pub(super) secret: &'a str,
}

/// A queued test event.
#[derive(Serialize, JsonSchema)]
pub(super) struct TestReply<'a> {
    pub(super) success: bool,
    pub(super) message_id: &'a str,
}

/// The endpoint in the path.
pub(super) async fn find_endpoint(app: &App, tenant: &Tenant, request: &Request) -> Result<Webhook, ApiError> {
    let id = WebhookId::parse(&path_parameter(request, "id")).or(Err(ApiError::WebhookNotFound))?;
    Ok(webhooks::additional_webhook(app, tenant, &Owner::Project, DIALECT.name, id).await?)
}

/// The project's endpoints, oldest first.
pub(super) async fn list_endpoints(app: &App, tenant: &Tenant) -> Result<Vec<Webhook>, ApiError> {
    Ok(webhooks::additional_webhooks(app, tenant, &Owner::Project, DIALECT.name).await?)
}

/// The body that adds an endpoint.
#[derive(JsonSchema)]
pub(super) struct CreateRequest<'a> {
    url: &'a str,
    description: Option<&'a str>,
    event_types: Option<Vec<String>>,
}

/// Reads the body that adds an endpoint. Casey's error names the first field that is not valid.
pub(super) fn read_create_request(app: &App, request: &Request, now: Timestamp) -> Result<NewWebhook, ApiError> {
    let body = read_object(body_bytes(request))?;
    let mut fields = Fields::new(CONVERSIONS, "body", &body);
    fields.refuse_unknown(&["url", "description", "event_types"]);
    let url = fields.non_null("url", Presence::Required).and_then(|value| fields.text("url", value));
    let limits = UrlLimits { chars_max: URL_CHARS_MAX, require_https: app.settings.require_https };
    let url = url.and_then(|url| fields.check_url("url", url, limits));
    let description = fields.string_of("description", 0..=DESCRIPTION_CHARS_MAX);
    let event_types = read_event_types(&mut fields, app.dialects);
    fields.finish()?;
    let create = CreateRequest { url: url.unwrap_or_default(), description, event_types };
    Ok(NewWebhook {
        id: app.ids.webhook(now),
        dialect: DialectName::new(DIALECT.name),
        description: create.description.map(str::to_owned),
        url: create.url.to_owned(),
        request: RequestOptions::default(),
        secret: app.ids.secret(),
        secret_known: true,
        events: EventFilter::Only(create.event_types.unwrap_or_else(|| vec![EVENT_TYPES_DEFAULT.to_owned()])),
        enabled: true,
        retries_max: RETRIES_MAX,
        timeout_s: TIMEOUT_S,
    })
}

fn read_event_types(fields: &mut Fields<'_>, dialects: Dialects) -> Option<Vec<String>> {
    let field = "event_types";
    let Given::Value(value) = fields.given(field) else { return None };
    let list = fields.list(field, value)?;
    if !(1..=EVENT_TYPES_MAX).contains(&list.len()) {
        fields.add_error(field, Rule::ItemsMax(EVENT_TYPES_MAX), json!(list.len()));
        return None;
    }
    let types = list.iter().map(|value| value.as_str().filter(|text| is_event_type(text)).map(str::to_owned));
    let types: Option<Vec<String>> = types.collect();
    let Some(types) = types else {
        let text = format!("each of event_types has to be {EVENT_TYPE_FORM}");
        fields.add_error(field, Rule::Other(text), Value::Null);
        return None;
    };
    // Endpoints get events under Casey's names, so they have to ask for Casey's names.
    let elsewhere = types.iter().find(|name| DIALECT.event_name(dialects.native_name(name)) != name.as_str());
    if let Some(name) = elsewhere {
        let text = format!("`{name}` of event_types is called `{}` here", dialects.native_name(name));
        fields.add_error(field, Rule::Other(text), Value::Null);
    }
    Some(types)
}

/// Casey's limits.
pub(super) fn limits() -> Vec<(&'static str, String)> {
    vec![
        ("retries", RETRIES_MAX.to_string()),
        ("an attempt", format!("{TIMEOUT_S} seconds")),
        ("`url`", format!("{URL_CHARS_MAX} characters")),
        ("`description`", format!("{DESCRIPTION_CHARS_MAX} characters")),
        ("`event_types`", format!("{EVENT_TYPES_MAX} of {TYPE_CHARS_MAX} characters each")),
        ("a project's endpoints", "the setting `WEBHOOKS_MAX`".to_owned()),
    ]
}
