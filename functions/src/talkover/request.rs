//! The fields that say how deliveries are sent: method, credentials, headers and bodies.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use shared::domain::{Authorization, CustomHeader, Method, RequestOptions, Secret};
use shared::header::{HeaderError, VALUE_BYTES_MAX, check_name, check_value};
use shared::render::Template;

use super::events::{AVAILABLE_EVENTS, is_available};
use super::fields::{Fields, Given};
use crate::dialects;

/// Headers of one webhook.
pub(super) const HEADERS_MAX: usize = 20;
/// Bytes of all names and values of one webhook's headers, and of all its templates as JSON: a list shows those of 50 webhooks.
const HEADERS_BYTES_MAX: usize = 8 * 1024;
/// See [`HEADERS_BYTES_MAX`].
const TEMPLATES_BYTES_MAX: usize = 16 * 1024;
/// The longest username and password, in characters.
const CREDENTIAL_CHARS_MAX: usize = 1024;
/// The header of an API key, where the customer names none.
const API_KEY_HEADER: &str = "X-API-Key";

const METHODS: &[(&str, Method)] = &[("POST", Method::Post), ("PUT", Method::Put), ("PATCH", Method::Patch)];

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

fn scheme(authorization: &Authorization) -> AuthorizationScheme {
    match authorization {
        Authorization::None => AuthorizationScheme::None,
        Authorization::Bearer { .. } => AuthorizationScheme::Bearer,
        Authorization::Basic { .. } => AuthorizationScheme::Basic,
        Authorization::ApiKey(_) => AuthorizationScheme::ApiKey,
        Authorization::Custom(_) => AuthorizationScheme::Custom,
    }
}

/// What callers call the scheme of `authorization`.
pub(super) fn scheme_name(authorization: &Authorization) -> &'static str {
    let used = scheme(authorization);
    SCHEMES.iter().find(|(_, scheme)| *scheme == used).map_or("none", |(name, _)| *name)
}

/// Reads `{http_method?, authorization_scheme?, authorization_credentials?, custom_headers?, payload_templates?}` over
/// what `options` has.
pub(super) fn read(fields: &mut Fields<'_>, options: &mut RequestOptions) {
    if let Some(method) = fields.choice("http_method", METHODS) {
        options.method = method;
    }
    if let Some(authorization) = authorization(fields, &options.authorization) {
        options.authorization = authorization;
    }
    match fields.given("custom_headers") {
        Given::Absent => {}
        Given::Null => options.headers = Vec::new(),
        Given::Value(value) => options.headers = headers(fields, value),
    }
    match fields.given("payload_templates") {
        Given::Absent => {}
        Given::Null => options.templates = BTreeMap::new(),
        Given::Value(value) => options.templates = templates(fields, value),
    }
}

/// The authorization, where the body changes it. A scheme without credentials keeps those it has; credentials without a
/// scheme are for the one it has.
fn authorization(fields: &mut Fields<'_>, before: &Authorization) -> Option<Authorization> {
    let none = Map::new();
    let given = match fields.given("authorization_credentials") {
        Given::Value(Value::Object(credentials)) => Some(credentials),
        // PHP knows no empty object.
        Given::Value(Value::Array(list)) if list.is_empty() => None,
        Given::Value(_) => {
            fields.wrong("authorization_credentials", "must be an array.");
            return None;
        }
        // What there was is to go.
        Given::Null if scheme(before) != AuthorizationScheme::None => Some(&none),
        Given::Absent | Given::Null => None,
    };
    let chosen = fields.choice("authorization_scheme", SCHEMES);
    let wanted = chosen.unwrap_or_else(|| scheme(before));
    if given.is_none() && wanted == scheme(before) {
        return None;
    }
    // The scheme's own error says enough.
    if chosen.is_none() && matches!(fields.given("authorization_scheme"), Given::Value(_)) {
        return None;
    }
    if given.is_some() && chosen.is_none() && wanted == AuthorizationScheme::None {
        fields.wrong("authorization_scheme", "is required when authorization credentials is present.");
        return None;
    }
    let mut credentials = Fields::new(given.unwrap_or(&none), "authorization_credentials.");
    let authorization = credentials_of(&mut credentials, wanted);
    fields.errors.append(credentials.errors);
    authorization
}

fn credentials_of(fields: &mut Fields<'_>, wanted: AuthorizationScheme) -> Option<Authorization> {
    Some(match wanted {
        AuthorizationScheme::None => Authorization::None,
        AuthorizationScheme::Bearer => Authorization::Bearer { token: header_value(fields, "token")? },
        AuthorizationScheme::Basic => {
            let (username, password) = (credential(fields, "username"), credential(fields, "password"));
            let username = username?.to_owned();
            if username.contains(':') {
                fields.wrong("username", "must not contain a colon.");
                return None;
            }
            Authorization::Basic { username, password: Secret::new(password?.to_owned()) }
        }
        AuthorizationScheme::ApiKey => Authorization::ApiKey(header(fields, Some(API_KEY_HEADER))?),
        AuthorizationScheme::Custom => Authorization::Custom(header(fields, None)?),
    })
}

fn credential<'a>(fields: &mut Fields<'a>, name: &str) -> Option<&'a str> {
    let value = fields.required(name, true)?;
    fields.text(name, value, CREDENTIAL_CHARS_MAX)
}

/// `{header?, value}`
fn header(fields: &mut Fields<'_>, default: Option<&str>) -> Option<CustomHeader> {
    let name = match (fields.given("header"), default) {
        (Given::Absent | Given::Null, Some(default)) => Some(default.to_owned()),
        _ => header_name(fields, "header"),
    };
    let value = header_value(fields, "value");
    Some(CustomHeader { name: name?, value: value? })
}

fn header_name(fields: &mut Fields<'_>, field: &str) -> Option<String> {
    let value = fields.required(field, true)?;
    let name = fields.text(field, value, usize::MAX)?;
    let checked = if dialects::is_reserved_header(name) { Err(HeaderError::Taken) } else { check_name(name) };
    let Err(problem) = checked else { return Some(name.to_owned()) };
    let rest = match problem {
        HeaderError::Taken => "must not be a header that deliveries set themselves.",
        HeaderError::Name | HeaderError::Value => "must be the name of a header, of at most 128 characters.",
    };
    fields.wrong(field, rest);
    None
}

fn header_value(fields: &mut Fields<'_>, field: &str) -> Option<Secret> {
    let value = fields.required(field, true)?;
    let text = fields.text(field, value, usize::MAX)?;
    if check_value(text).is_err() {
        fields.wrong(field, &format!("must be at most {VALUE_BYTES_MAX} visible ASCII characters, blanks and tabs."));
        return None;
    }
    Some(Secret::new(text.to_owned()))
}

/// `[{key, value}]`
fn headers(fields: &mut Fields<'_>, value: &Value) -> Vec<CustomHeader> {
    let field = "custom_headers";
    let Value::Array(list) = value else {
        fields.wrong(field, "must be an array.");
        return Vec::new();
    };
    if list.len() > HEADERS_MAX {
        fields.wrong(field, &format!("must not have more than {HEADERS_MAX} items."));
        return Vec::new();
    }
    let mut headers: Vec<CustomHeader> = Vec::new();
    for (index, item) in list.iter().enumerate() {
        let Value::Object(item) = item else {
            fields.wrong(&format!("{field}.{index}"), "must be an array.");
            continue;
        };
        let mut item = Fields::new(item, &format!("{field}.{index}."));
        let (name, value) = (header_name(&mut item, "key"), header_value(&mut item, "value"));
        if let Some(name) = &name
            && headers.iter().any(|known| known.name.eq_ignore_ascii_case(name))
        {
            item.wrong("key", "has a duplicate value.");
        }
        fields.errors.append(item.errors);
        if let (Some(name), Some(value)) = (name, value) {
            headers.push(CustomHeader { name, value });
        }
    }
    let bytes: usize = headers.iter().map(|header| header.name.len() + header.value.expose().len()).sum();
    if bytes > HEADERS_BYTES_MAX {
        fields.wrong(field, &format!("must not be greater than {HEADERS_BYTES_MAX} bytes."));
    }
    headers
}

/// `{event: template}`
fn templates(fields: &mut Fields<'_>, value: &Value) -> BTreeMap<String, String> {
    let field = "payload_templates";
    let given = match value {
        Value::Object(given) if given.len() <= AVAILABLE_EVENTS.len() => given,
        Value::Object(_) => {
            fields.wrong(field, &format!("must not have more than {} items.", AVAILABLE_EVENTS.len()));
            return BTreeMap::new();
        }
        // PHP knows no empty object.
        Value::Array(list) if list.is_empty() => return BTreeMap::new(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            fields.wrong(field, "must be an array.");
            return BTreeMap::new();
        }
    };
    let mut templates = BTreeMap::new();
    for (event, template) in given {
        let place = format!("{field}.{}", event.chars().take(64).collect::<String>());
        if !is_available(event) {
            fields.errors.not_among(&place);
        } else if let Err(error) = Template::parse(template.clone()) {
            fields.wrong(&place, &format!("{error}."));
        } else {
            templates.insert(event.clone(), template.to_string());
        }
    }
    if templates.values().map(String::len).sum::<usize>() > TEMPLATES_BYTES_MAX {
        fields.wrong(field, &format!("must not be greater than {TEMPLATES_BYTES_MAX} bytes."));
    }
    templates
}
