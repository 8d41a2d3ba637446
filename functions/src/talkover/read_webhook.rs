//! Reads the body of create and update: a webhook's settings.

use domain::{EventFilter, RequestOptions, Secret, Webhook};
use lambda_http::Request;
use rules::header::VALUE_BYTES_MAX;
use rules::render::{PATH_CHARS_MAX, PLACEHOLDERS_MAX, RENDERED_BYTES_MAX};
use schemars::JsonSchema;
use serde_json::{Map, Value};
use usecases::app::App;

use super::TIMEOUT_MAX_S;
use super::events::{EVENTS, is_available};
use super::laravel::LARAVEL;
use super::read_request_options::{
    CREDENTIAL_CHARS_MAX, HEADERS_BYTES_MAX, HEADERS_MAX, RequestOptionsFields, TEMPLATES_BYTES_MAX,
    read_request_options,
};
use crate::http::api_error::{ApiError, Rule};
use crate::http::fields::{Fields, Given, Presence, UrlLimits, read_object};
use crate::http::read_request::body_bytes;

/// The longest name and secret, in characters.
const TEXT_CHARS_MAX: usize = 255;
/// The longest URL, in characters.
const URL_CHARS_MAX: usize = 500;
/// Seconds that an attempt may take, if the caller does not say.
const TIMEOUT_DEFAULT_S: i64 = 30;
/// The shortest timeout of an attempt, in seconds.
const TIMEOUT_MIN_S: i64 = 5;
/// Attempts after the first one, where the caller does not say.
const RETRIES_DEFAULT: i64 = 3;
/// The most retries after the first attempt.
const RETRIES_MAX: i64 = 10;

/// The body that adds or changes a webhook: all of the webhook's settings, under the API's names.
#[derive(Debug, Clone, JsonSchema)]
pub(super) struct WebhookRequest {
    pub(super) name: String,
    #[schemars(rename = "webhook_url")]
    pub(super) url: String,
    /// The customer's own secret, if it set one.
    #[schemars(rename = "webhook_secret", with = "Option<String>")]
    pub(super) secret: Option<Secret>,
    pub(super) events: Vec<String>,
    #[schemars(rename = "timeout", with = "Option<u16>")]
    pub(super) timeout_s: u16,
    #[schemars(rename = "max_retries", with = "Option<u8>")]
    pub(super) retries_max: u8,
    #[schemars(with = "Option<bool>")]
    pub(super) enabled: bool,
    #[schemars(flatten, with = "RequestOptionsFields")]
    pub(super) request: RequestOptions,
}

impl From<&Webhook> for WebhookRequest {
    fn from(webhook: &Webhook) -> Self {
        Self {
            name: webhook.description.clone().unwrap_or_default(),
            url: webhook.url.clone(),
            secret: webhook.secret_known.then(|| webhook.secret.clone()),
            events: event_names(&webhook.events).to_vec(),
            timeout_s: webhook.timeout_s,
            retries_max: webhook.retries_max,
            enabled: webhook.enabled,
            request: webhook.request.clone(),
        }
    }
}

/// The events that a webhook asks for.
pub(super) fn event_names(filter: &EventFilter) -> &[String] {
    match filter {
        EventFilter::All => &[],
        EventFilter::Only(names) => names,
    }
}

/// Reads `{name, webhook_url, webhook_secret?, events, timeout?, max_retries?, enabled?, http_method?,
/// authorization_scheme?, authorization_credentials?, custom_headers?, payload_templates?}`. Without `before`, these are
/// the settings of a new webhook. With `before`, they update a webhook, and absent fields keep their values.
pub(super) fn read_webhook(app: &App, request: &Request, before: Option<&Webhook>) -> Result<WebhookRequest, ApiError> {
    let body = read_object(body_bytes(request))?;
    from_body(&body, before.map(WebhookRequest::from), app)
}

fn from_body(body: &Map<String, Value>, before: Option<WebhookRequest>, app: &App) -> Result<WebhookRequest, ApiError> {
    let mut fields = Fields::new(LARAVEL, "body", body);
    let presence = if before.is_none() { Presence::Required } else { Presence::Optional };
    let mut settings = before.unwrap_or_else(|| WebhookRequest {
        name: String::new(),
        url: String::new(),
        secret: None,
        events: Vec::new(),
        timeout_s: u16::try_from(TIMEOUT_DEFAULT_S).unwrap_or_default(),
        retries_max: u8::try_from(RETRIES_DEFAULT).unwrap_or_default(),
        enabled: true,
        request: RequestOptions::default(),
    });
    let name = fields.non_null("name", presence).and_then(|value| fields.text("name", value));
    if let Some(name) = name.and_then(|name| fields.check_chars("name", name, 0..=TEXT_CHARS_MAX)) {
        name.clone_into(&mut settings.name);
    }
    if let Some(url) = read_url(&mut fields, presence, app.settings.require_https) {
        url.clone_into(&mut settings.url);
    }
    match fields.given("webhook_secret") {
        Given::Absent => {}
        Given::Null => settings.secret = None,
        Given::Value(value) => settings.secret = read_secret(&mut fields, value),
    }
    if let Some(events) = read_events(&mut fields, presence) {
        settings.events = events;
    }
    let timeout = fields.integer("timeout", TIMEOUT_MIN_S..=i64::from(TIMEOUT_MAX_S), Some(TIMEOUT_DEFAULT_S));
    settings.timeout_s = timeout.and_then(|timeout| timeout.try_into().ok()).unwrap_or(settings.timeout_s);
    let retries = fields.integer("max_retries", 0..=RETRIES_MAX, Some(RETRIES_DEFAULT));
    settings.retries_max = retries.and_then(|retries| retries.try_into().ok()).unwrap_or(settings.retries_max);
    settings.enabled = fields.boolean("enabled", true).unwrap_or(settings.enabled);
    read_request_options(&mut fields, app.dialects, &mut settings.request);
    fields.finish()?;
    Ok(settings)
}

fn read_url<'a>(fields: &mut Fields<'a>, presence: Presence, require_https: bool) -> Option<&'a str> {
    let field = "webhook_url";
    let value = fields.non_null(field, presence)?;
    fields.check_url(field, value.as_str().unwrap_or_default(), UrlLimits { chars_max: URL_CHARS_MAX, require_https })
}

fn read_secret<'a>(fields: &mut Fields<'a>, value: &'a Value) -> Option<Secret> {
    let secret = fields.text("webhook_secret", value)?;
    let secret = fields.check_chars("webhook_secret", secret, 0..=TEXT_CHARS_MAX)?;
    Some(Secret::new(secret.to_owned()))
}

/// The events that the body asks for, each once.
fn read_events(fields: &mut Fields<'_>, presence: Presence) -> Option<Vec<String>> {
    let value = fields.non_null("events", presence)?;
    let list = fields.list("events", value)?;
    if list.is_empty() {
        fields.add_error("events", Rule::ItemsMin(1), Value::Null);
        return None;
    }
    let mut names: Vec<String> = Vec::new();
    let mut errors = 0;
    for (index, value) in list.iter().enumerate() {
        match value.as_str().filter(|name| is_available(name)) {
            Some(name) if names.iter().any(|known| known == name) => {}
            Some(name) => names.push(name.to_owned()),
            None => {
                errors += 1;
                fields.add_error(&format!("events.{index}"), Rule::Choice, Value::Null);
            }
        }
        // A longer list of errors would make the reply larger than its request.
        if errors > EVENTS.len() {
            return None;
        }
    }
    Some(names)
}

/// Talkover's limits.
pub(super) fn limits() -> Vec<(&'static str, String)> {
    vec![
        ("`max_retries`", format!("0 to {RETRIES_MAX}; {RETRIES_DEFAULT} by default")),
        ("`timeout`", format!("{TIMEOUT_MIN_S} to {TIMEOUT_MAX_S} seconds; {TIMEOUT_DEFAULT_S} by default")),
        ("`webhook_url`", format!("{URL_CHARS_MAX} characters")),
        ("`name`, `webhook_secret`", format!("{TEXT_CHARS_MAX} characters")),
        ("a username, a password", format!("{CREDENTIAL_CHARS_MAX} characters")),
        (
            "`custom_headers`",
            format!(
                "{HEADERS_MAX}, each value of {VALUE_BYTES_MAX} visible ASCII characters, {HEADERS_BYTES_MAX} bytes in all"
            ),
        ),
        ("`payload_templates`", format!("{TEMPLATES_BYTES_MAX} bytes in all")),
        (
            "a payload template",
            format!(
                "{PLACEHOLDERS_MAX} placeholders with paths of {PATH_CHARS_MAX} characters; {RENDERED_BYTES_MAX} bytes filled in"
            ),
        ),
        ("an agent's webhooks", "the setting `WEBHOOKS_MAX`".to_owned()),
    ]
}
