//! What a webhook is set to: the fields of create and update.

use lambda_http::Request;
use serde_json::{Map, Value};
use shared::domain::{EventFilter, RequestOptions, Secret, Webhook};
use shared::http::request::body_bytes;
use shared::url::{UrlError, check_url};

use super::events::{AVAILABLE_EVENTS, is_available};
use super::fields::{Fields, Given, object};
use super::{Problem, TIMEOUT_MAX_S, request};
use crate::app::App;

/// The longest name and secret, in characters.
const TEXT_CHARS_MAX: usize = 255;
/// The longest URL, in characters.
const URL_CHARS_MAX: usize = 500;
/// Seconds that an attempt may take, where the caller does not say.
const TIMEOUT_DEFAULT_S: i64 = 30;
/// Attempts after the first one, where the caller does not say.
const RETRIES_DEFAULT: i64 = 3;
/// The most of them.
const RETRIES_MAX: i64 = 10;

/// All that a customer can set.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub(super) name: String,
    pub(super) url: String,
    /// The customer's own, if it set one.
    pub(super) secret: Option<Secret>,
    pub(super) events: Vec<String>,
    pub(super) timeout_s: u16,
    pub(super) retries_max: u8,
    pub(super) enabled: bool,
    pub(super) request: RequestOptions,
}

impl From<&Webhook> for Settings {
    fn from(webhook: &Webhook) -> Self {
        Self {
            name: webhook.description.clone().unwrap_or_default(),
            url: webhook.url.clone(),
            secret: webhook.secret_known.then(|| webhook.secret.clone()),
            events: events(&webhook.events).to_vec(),
            timeout_s: webhook.timeout_s,
            retries_max: webhook.retries_max,
            enabled: webhook.enabled,
            request: webhook.request.clone(),
        }
    }
}

/// The events that a webhook asked for.
pub(super) fn events(filter: &EventFilter) -> &[String] {
    match filter {
        EventFilter::All => &[],
        EventFilter::Only(names) => names,
    }
}

/// Reads `{name, webhook_url, webhook_secret?, events, timeout?, max_retries?, enabled?, http_method?,
/// authorization_scheme?, authorization_credentials?, custom_headers?, payload_templates?}`: a new webhook's settings,
/// or with `before` those of an update, which keeps what is left out.
pub(super) fn read(app: &App, request: &Request, before: Option<&Webhook>) -> Result<Settings, Problem> {
    let body = object(body_bytes(request))?;
    from_body(&body, before.map(Settings::from), app.settings.require_https)
}

fn from_body(body: &Map<String, Value>, before: Option<Settings>, require_https: bool) -> Result<Settings, Problem> {
    let mut fields = Fields::new(body, "");
    let is_new = before.is_none();
    let mut settings = before.unwrap_or_else(|| Settings {
        name: String::new(),
        url: String::new(),
        secret: None,
        events: Vec::new(),
        timeout_s: u16::try_from(TIMEOUT_DEFAULT_S).unwrap_or_default(),
        retries_max: u8::try_from(RETRIES_DEFAULT).unwrap_or_default(),
        enabled: true,
        request: RequestOptions::default(),
    });
    let name = fields.required("name", is_new);
    if let Some(name) = name.and_then(|value| fields.text("name", value, TEXT_CHARS_MAX)) {
        name.clone_into(&mut settings.name);
    }
    if let Some(url) = url(&mut fields, is_new, require_https) {
        url.clone_into(&mut settings.url);
    }
    match fields.given("webhook_secret") {
        Given::Absent => {}
        Given::Null => settings.secret = None,
        Given::Value(value) => {
            let secret = fields.text("webhook_secret", value, TEXT_CHARS_MAX);
            settings.secret = secret.map(|secret| Secret::new(secret.to_owned()));
        }
    }
    if let Some(events) = asked_events(&mut fields, is_new) {
        settings.events = events;
    }
    let timeout = fields.integer("timeout", 5..=TIMEOUT_MAX_S, TIMEOUT_DEFAULT_S);
    settings.timeout_s = timeout.and_then(|timeout| timeout.try_into().ok()).unwrap_or(settings.timeout_s);
    let retries = fields.integer("max_retries", 0..=RETRIES_MAX, RETRIES_DEFAULT);
    settings.retries_max = retries.and_then(|retries| retries.try_into().ok()).unwrap_or(settings.retries_max);
    settings.enabled = fields.boolean("enabled", true).unwrap_or(settings.enabled);
    request::read(&mut fields, &mut settings.request);
    fields.finish()?;
    Ok(settings)
}

fn url<'a>(fields: &mut Fields<'a>, is_new: bool, require_https: bool) -> Option<&'a str> {
    let field = "webhook_url";
    let value = fields.required(field, is_new)?;
    let text = value.as_str().unwrap_or_default();
    match check_url(text, URL_CHARS_MAX, require_https) {
        Ok(()) => return Some(text),
        Err(UrlError::TooLong) => {
            fields.wrong(field, &format!("must not be greater than {URL_CHARS_MAX} characters."));
        }
        Err(UrlError::Empty | UrlError::Unparsable(_)) => fields.wrong(field, "must be a valid URL."),
        Err(UrlError::Scheme) if require_https => {
            fields.wrong(field, "must start with one of the following: https://.");
        }
        Err(UrlError::Scheme) => fields.wrong(field, "must start with one of the following: http://, https://."),
    }
    None
}

/// The events that are asked for, each once.
fn asked_events(fields: &mut Fields<'_>, is_new: bool) -> Option<Vec<String>> {
    let value = fields.required("events", is_new)?;
    let Value::Array(list) = value else {
        fields.wrong("events", "must be an array.");
        return None;
    };
    if list.is_empty() {
        fields.wrong("events", "must contain at least 1 items.");
        return None;
    }
    let mut names: Vec<String> = Vec::new();
    let mut wrong = 0;
    for (index, value) in list.iter().enumerate() {
        match value.as_str().filter(|name| is_available(name)) {
            Some(name) if names.iter().any(|known| known == name) => {}
            Some(name) => names.push(name.to_owned()),
            None => {
                wrong += 1;
                fields.errors.not_among(&format!("events.{index}"));
            }
        }
        // So that no answer outgrows its request.
        if wrong > AVAILABLE_EVENTS.len() {
            return None;
        }
    }
    Some(names)
}
