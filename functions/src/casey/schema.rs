//! What Casey's callers send and are answered.

use lambda_http::Request;
use serde::Serialize;
use serde_json::{Map, Value};
use shared::domain::{DialectName, EventFilter, Owner, RequestOptions, Tenant, Webhook, WebhookId};
use shared::http::request::{BODY_BYTES_MAX, body_bytes, path_parameter};
use shared::store::Store;
use shared::time::Timestamp;
use shared::url::{UrlError, check_url};
use shared::webhooks::{self, NewWebhook};

use super::{DIALECT, Problem};
use crate::app::App;
use crate::dialects::native_name;
use crate::pipeline::event::{TYPE_CHARS_MAX, is_type};

/// What an endpoint asks for that does not say.
const EVENT_TYPES_DEFAULT: &str = "conversation.completed";
/// Event types of one endpoint.
const EVENT_TYPES_MAX: usize = 50;
/// The longest URL, in characters.
const URL_CHARS_MAX: usize = 2083;
/// The longest description, in characters.
const DESCRIPTION_CHARS_MAX: usize = 1000;
/// Attempts after the first one.
const RETRIES_MAX: u8 = 10;
/// Seconds that an attempt may take; Casey's customers cannot choose.
const TIMEOUT_S: u16 = 30;

/// `{id, url, description, event_types, enabled, created_at}`, and `secret` for the call that makes it.
#[derive(Serialize)]
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
#[derive(Serialize)]
pub(super) struct Data<T> {
    pub(super) data: T,
}

/// The endpoint that the path names.
pub(super) async fn endpoint(store: &Store, tenant: &Tenant, request: &Request) -> Result<Webhook, Problem> {
    let id = WebhookId::parse(&path_parameter(request, "id")).ok_or(Problem::NotFound)?;
    Ok(webhooks::additional_webhook(store, tenant, &Owner::Project, DIALECT.name, id).await?)
}

/// The project's endpoints, oldest first.
pub(super) async fn endpoints(store: &Store, tenant: &Tenant) -> Result<Vec<Webhook>, Problem> {
    Ok(webhooks::additional_webhooks(store, tenant, &Owner::Project, DIALECT.name).await?)
}

/// `{url, description?, event_types?}`
pub(super) fn new_webhook(app: &App, request: &Request, now: Timestamp) -> Result<NewWebhook, Problem> {
    let body = object(body_bytes(request))?;
    let known = ["url", "description", "event_types"];
    if let Some(other) = body.keys().find(|key| !known.contains(&key.as_str())) {
        return Err(invalid(&format!("unknown field `{}`", other.chars().take(64).collect::<String>())));
    }
    Ok(NewWebhook {
        id: app.ids.webhook(now),
        dialect: DialectName::new(DIALECT.name),
        description: description(body.get("description"))?,
        url: url(body.get("url"), app.settings.require_https)?,
        request: RequestOptions::default(),
        secret: app.ids.secret(),
        secret_known: true,
        events: EventFilter::Only(event_types(body.get("event_types"))?),
        enabled: true,
        retries_max: RETRIES_MAX,
        timeout_s: TIMEOUT_S,
    })
}

fn invalid(message: &str) -> Problem {
    Problem::Invalid(message.to_owned())
}

fn object(body: &[u8]) -> Result<Map<String, Value>, Problem> {
    if body.len() > BODY_BYTES_MAX {
        return Err(invalid(&format!("the body is over {BODY_BYTES_MAX} bytes")));
    }
    match serde_json::from_slice(body) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(invalid("the body has to be a JSON object")),
        Err(error) => Err(invalid(&format!("the body is no JSON: {error}"))),
    }
}

fn url(value: Option<&Value>, require_https: bool) -> Result<String, Problem> {
    let text = match value {
        None | Some(Value::Null) => return Err(invalid("url is required")),
        Some(value) => value.as_str().ok_or_else(|| invalid("url has to be a string"))?,
    };
    let wrong = match check_url(text, URL_CHARS_MAX, require_https) {
        Ok(()) => return Ok(text.to_owned()),
        Err(problem) => problem,
    };
    Err(match wrong {
        UrlError::TooLong => invalid(&format!("url has to be at most {URL_CHARS_MAX} characters")),
        UrlError::Empty | UrlError::Unparsable(_) => invalid("url has to be a valid URL"),
        UrlError::Scheme if require_https => invalid("url has to be an https URL"),
        UrlError::Scheme => invalid("url has to be an http or https URL"),
    })
}

fn description(value: Option<&Value>) -> Result<Option<String>, Problem> {
    let Some(value) = value.filter(|value| !value.is_null()) else { return Ok(None) };
    let text = value.as_str().ok_or_else(|| invalid("description has to be a string"))?;
    if text.chars().count() > DESCRIPTION_CHARS_MAX {
        return Err(invalid(&format!("description has to be at most {DESCRIPTION_CHARS_MAX} characters")));
    }
    Ok(Some(text.to_owned()))
}

fn event_types(value: Option<&Value>) -> Result<Vec<String>, Problem> {
    let Some(value) = value.filter(|value| !value.is_null()) else { return Ok(vec![EVENT_TYPES_DEFAULT.to_owned()]) };
    let list = value.as_array().ok_or_else(|| invalid("event_types has to be a list"))?;
    if !(1..=EVENT_TYPES_MAX).contains(&list.len()) {
        return Err(invalid(&format!("event_types has to be a list of 1 to {EVENT_TYPES_MAX}")));
    }
    let types = list.iter().map(|value| value.as_str().filter(|text| is_type(text)).map(str::to_owned));
    let types: Option<Vec<String>> = types.collect();
    let wrong = || invalid(&format!("each of event_types has to be 1 to {TYPE_CHARS_MAX} of A-Z a-z 0-9 _ . -"));
    let types = types.ok_or_else(wrong)?;
    // Endpoints are told in Casey's words, and so have to ask in them.
    let elsewhere = types.iter().find(|name| DIALECT.event_name(native_name(name)) != name.as_str());
    match elsewhere {
        None => Ok(types),
        Some(name) => Err(invalid(&format!("`{name}` of event_types is called `{}` here", native_name(name)))),
    }
}
