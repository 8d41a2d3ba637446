//! Reads the fields that say how deliveries are sent: method, credentials, headers and payload templates.

use std::collections::BTreeMap;

use domain::{Authorization, CustomHeader, Method, RequestOptions, Secret};
use rules::render::Template;
use schemars::JsonSchema;
use serde_json::{Map, Value, json};
use usecases::dialect::Dialects;

use super::events::{EVENTS, is_available};
use crate::http::api_error::Rule;
use crate::http::fields::{Fields, Given, Presence};

/// The most headers of one webhook.
pub(super) const HEADERS_MAX: usize = 20;
/// The most bytes of all names and values of one webhook's headers. A list shows the headers of 50 webhooks.
pub(super) const HEADERS_BYTES_MAX: usize = 8 * 1024;
/// The most bytes of all templates of one webhook, as JSON. A list shows the templates of 50 webhooks.
pub(super) const TEMPLATES_BYTES_MAX: usize = 16 * 1024;
/// The longest username and password, in characters.
pub(super) const CREDENTIAL_CHARS_MAX: usize = 1024;
/// The header of an API key, if the customer names none.
const API_KEY_HEADER: &str = "X-API-Key";

const METHODS: &[(&str, Method)] = &[("POST", Method::Post), ("PUT", Method::Put), ("PATCH", Method::Patch)];

/// The fields that say how deliveries are sent, under the API's names.
#[derive(JsonSchema)]
#[allow(dead_code, reason = "it describes the body; `read_request_options` reads it into `RequestOptions`")]
pub(super) struct RequestOptionsFields {
    /// `POST`, `PUT` or `PATCH`.
    http_method: Option<String>,
    /// `none`, `bearer`, `basic`, `api_key` or `custom`.
    authorization_scheme: Option<String>,
    authorization_credentials: Option<BTreeMap<String, String>>,
    custom_headers: Option<Vec<BTreeMap<String, String>>>,
    payload_templates: Option<Map<String, Value>>,
}

/// How a webhook's deliveries are authorized.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum AuthorizationScheme {
    None,
    Bearer,
    Basic,
    ApiKey,
    Custom,
}

const SCHEMES: &[(&str, AuthorizationScheme)] = &[
    ("none", AuthorizationScheme::None),
    ("bearer", AuthorizationScheme::Bearer),
    ("basic", AuthorizationScheme::Basic),
    ("api_key", AuthorizationScheme::ApiKey),
    ("custom", AuthorizationScheme::Custom),
];

fn scheme_of(authorization: &Authorization) -> AuthorizationScheme {
    match authorization {
        Authorization::None => AuthorizationScheme::None,
        Authorization::Bearer { .. } => AuthorizationScheme::Bearer,
        Authorization::Basic { .. } => AuthorizationScheme::Basic,
        Authorization::ApiKey(_) => AuthorizationScheme::ApiKey,
        Authorization::Custom(_) => AuthorizationScheme::Custom,
    }
}

/// The API's name for the scheme of `authorization`.
pub(super) fn scheme_name(authorization: &Authorization) -> &'static str {
    let used = scheme_of(authorization);
    SCHEMES.iter().find(|(_, scheme)| *scheme == used).map_or("none", |(name, _)| *name)
}

/// Reads `{http_method?, authorization_scheme?, authorization_credentials?, custom_headers?, payload_templates?}` into
/// `options`. Absent fields leave `options` as they are.
pub(super) fn read_request_options(fields: &mut Fields<'_>, dialects: Dialects, options: &mut RequestOptions) {
    if let Some(method) = fields.choice("http_method", METHODS) {
        options.method = method;
    }
    if let Some(authorization) = read_authorization(fields, dialects, &options.authorization) {
        options.authorization = authorization;
    }
    match fields.given("custom_headers") {
        Given::Absent => {}
        Given::Null => options.headers = Vec::new(),
        Given::Value(value) => options.headers = read_headers(fields, dialects, value),
    }
    match fields.given("payload_templates") {
        Given::Absent => {}
        Given::Null => options.templates = BTreeMap::new(),
        Given::Value(value) => options.templates = read_templates(fields, value),
    }
}

/// The new authorization, if the body changes it. The same scheme without credentials keeps the present credentials.
/// Credentials without a scheme belong to the present scheme.
fn read_authorization(fields: &mut Fields<'_>, dialects: Dialects, before: &Authorization) -> Option<Authorization> {
    let none = Map::new();
    let given = match fields.given("authorization_credentials") {
        Given::Value(Value::Object(credentials)) => Some(credentials),
        // PHP writes an empty object as an empty list.
        Given::Value(Value::Array(list)) if list.is_empty() => None,
        Given::Value(_) => {
            fields.add_error("authorization_credentials", Rule::Object, Value::Null);
            return None;
        }
        // `null` removes the present credentials.
        Given::Null if scheme_of(before) != AuthorizationScheme::None => Some(&none),
        Given::Absent | Given::Null => None,
    };
    let chosen = fields.choice("authorization_scheme", SCHEMES);
    let wanted = chosen.unwrap_or_else(|| scheme_of(before));
    if given.is_none() && wanted == scheme_of(before) {
        return None;
    }
    // The error of the scheme is enough.
    if chosen.is_none() && matches!(fields.given("authorization_scheme"), Given::Value(_)) {
        return None;
    }
    if given.is_some() && chosen.is_none() && wanted == AuthorizationScheme::None {
        let rest = "is required when authorization credentials is present.".to_owned();
        fields.add_error("authorization_scheme", Rule::Other(rest), Value::Null);
        return None;
    }
    let mut credentials = fields.nested(given.unwrap_or(&none), "authorization_credentials.");
    let authorization = read_credentials(&mut credentials, dialects, wanted);
    fields.errors.append(&mut credentials.errors);
    authorization
}

fn read_credentials(fields: &mut Fields<'_>, dialects: Dialects, wanted: AuthorizationScheme) -> Option<Authorization> {
    Some(match wanted {
        AuthorizationScheme::None => Authorization::None,
        AuthorizationScheme::Bearer => Authorization::Bearer { token: read_header_value(fields, "token")? },
        AuthorizationScheme::Basic => {
            let (username, password) = (read_credential(fields, "username"), read_credential(fields, "password"));
            let username = username?.to_owned();
            if username.contains(':') {
                fields.add_error("username", Rule::Other("must not contain a colon.".to_owned()), Value::Null);
                return None;
            }
            Authorization::Basic { username, password: Secret::new(password?.to_owned()) }
        }
        AuthorizationScheme::ApiKey => Authorization::ApiKey(read_header(fields, dialects, Some(API_KEY_HEADER))?),
        AuthorizationScheme::Custom => Authorization::Custom(read_header(fields, dialects, None)?),
    })
}

fn read_credential<'a>(fields: &mut Fields<'a>, name: &str) -> Option<&'a str> {
    let value = fields.non_null(name, Presence::Required)?;
    let text = fields.text(name, value)?;
    fields.check_chars(name, text, 0..=CREDENTIAL_CHARS_MAX)
}

/// `{header?, value}`
fn read_header(fields: &mut Fields<'_>, dialects: Dialects, default: Option<&str>) -> Option<CustomHeader> {
    let name = match (fields.given("header"), default) {
        (Given::Absent | Given::Null, Some(default)) => Some(default.to_owned()),
        _ => read_header_name(fields, dialects, "header"),
    };
    let value = read_header_value(fields, "value");
    Some(CustomHeader { name: name?, value: value? })
}

fn read_header_name(fields: &mut Fields<'_>, dialects: Dialects, field: &str) -> Option<String> {
    let value = fields.non_null(field, Presence::Required)?;
    let name = fields.text(field, value)?;
    fields.check_header_name(field, name, dialects.is_reserved_header(name)).map(str::to_owned)
}

fn read_header_value(fields: &mut Fields<'_>, field: &str) -> Option<Secret> {
    let value = fields.non_null(field, Presence::Required)?;
    let text = fields.text(field, value)?;
    fields.check_header_value(field, text).map(|text| Secret::new(text.to_owned()))
}

/// `[{key, value}]`
fn read_headers<'a>(fields: &mut Fields<'a>, dialects: Dialects, value: &'a Value) -> Vec<CustomHeader> {
    let field = "custom_headers";
    let Some(list) = fields.list(field, value) else { return Vec::new() };
    if list.len() > HEADERS_MAX {
        fields.add_error(field, Rule::ItemsMax(HEADERS_MAX), json!(list.len()));
        return Vec::new();
    }
    let mut headers: Vec<CustomHeader> = Vec::new();
    for (index, item) in list.iter().enumerate() {
        let Value::Object(item) = item else {
            fields.add_error(&format!("{field}.{index}"), Rule::Object, Value::Null);
            continue;
        };
        let mut item = fields.nested(item, &format!("{field}.{index}."));
        let (name, value) = (read_header_name(&mut item, dialects, "key"), read_header_value(&mut item, "value"));
        if let Some(name) = &name
            && headers.iter().any(|known| known.name.eq_ignore_ascii_case(name))
        {
            item.add_error("key", Rule::Distinct, Value::Null);
        }
        fields.errors.append(&mut item.errors);
        if let (Some(name), Some(value)) = (name, value) {
            headers.push(CustomHeader { name, value });
        }
    }
    let bytes: usize = headers.iter().map(|header| header.name.len() + header.value.expose().len()).sum();
    if bytes > HEADERS_BYTES_MAX {
        fields.add_error(field, Rule::BytesMax(HEADERS_BYTES_MAX), Value::Null);
    }
    headers
}

/// `{event: template}`
fn read_templates(fields: &mut Fields<'_>, value: &Value) -> BTreeMap<String, String> {
    let field = "payload_templates";
    let given = match value {
        Value::Object(given) if given.len() <= EVENTS.len() => given,
        Value::Object(_) => {
            fields.add_error(field, Rule::ItemsMax(EVENTS.len()), Value::Null);
            return BTreeMap::new();
        }
        // PHP writes an empty object as an empty list.
        Value::Array(list) if list.is_empty() => return BTreeMap::new(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            fields.add_error(field, Rule::Object, Value::Null);
            return BTreeMap::new();
        }
    };
    let mut templates = BTreeMap::new();
    for (event, template) in given {
        let place = format!("{field}.{}", event.chars().take(64).collect::<String>());
        if !is_available(event) {
            fields.add_error(&place, Rule::Choice, Value::Null);
        } else if let Err(error) = Template::parse(template.clone()) {
            fields.add_error(&place, Rule::Other(format!("{error}.")), Value::Null);
        } else {
            templates.insert(event.clone(), template.to_string());
        }
    }
    if templates.values().map(String::len).sum::<usize>() > TEMPLATES_BYTES_MAX {
        fields.add_error(field, Rule::BytesMax(TEMPLATES_BYTES_MAX), Value::Null);
    }
    templates
}
