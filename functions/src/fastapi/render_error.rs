//! `{"detail": …}`: a sentence, or for a 422 the list of errors. Their types and sentences are those of
//! <https://docs.pydantic.dev/latest/errors/validation_errors/>.

use clients::store::webhooks::LISTED_MAX;
use http::StatusCode;
use rules::url::UrlError;
use serde_json::{Map, Value, json};

use crate::http::api_error::{ApiError, BodyError, BodyErrorKind, FieldError, IntegerError, Rule};
use crate::http::read_request::BODY_BYTES_MAX;
use crate::http::reply::{self, Reply};

/// Renders an error as FastAPI does.
#[must_use]
pub fn render_error(error: &ApiError) -> Reply {
    let detail = |status, detail: Value| reply::json(status, &json!({ "detail": detail }));
    let text_error = |status, text: &str| detail(status, text.into());
    match error {
        ApiError::MissingKey => reply::asking_for_key(text_error(StatusCode::UNAUTHORIZED, "Missing API key.")),
        ApiError::InvalidKey => reply::asking_for_key(text_error(StatusCode::UNAUTHORIZED, "Invalid API key.")),
        ApiError::Forbidden(permission) => {
            text_error(StatusCode::FORBIDDEN, &format!("The API key may not {}.", permission.as_str()))
        }
        ApiError::AgentNotFound => text_error(StatusCode::NOT_FOUND, "Agent not found."),
        ApiError::WebhookNotFound => text_error(StatusCode::NOT_FOUND, "Webhook not found."),
        ApiError::BodyTooLarge => {
            text_error(StatusCode::PAYLOAD_TOO_LARGE, &format!("The body is over {BODY_BYTES_MAX} bytes."))
        }
        ApiError::InvalidBody(error) => detail(StatusCode::UNPROCESSABLE_ENTITY, json!([body_error(error)])),
        ApiError::InvalidFields(errors) => {
            detail(StatusCode::UNPROCESSABLE_ENTITY, errors.iter().map(field_error).collect())
        }
        ApiError::TooManyWebhooks => {
            let text = format!("The project has over {LISTED_MAX} webhooks, which no one call reads.");
            text_error(StatusCode::BAD_REQUEST, &text)
        }
        ApiError::WebhookLimit(max) => {
            text_error(StatusCode::BAD_REQUEST, &format!("There are {max} webhooks, and no more may be added."))
        }
        ApiError::Internal(_) => {
            let text = "Service unavailable, try again.";
            reply::to_be_tried_again(text_error(StatusCode::SERVICE_UNAVAILABLE, text))
        }
    }
}

/// `{type, loc, msg, input, ctx?}`
fn item(kind: &str, loc: Value, msg: &str, input: &Value, ctx: Option<Value>) -> Value {
    let mut item = Map::new();
    for (name, value) in [("type", kind.into()), ("loc", loc), ("msg", msg.into()), ("input", input.clone())] {
        item.insert(name.to_owned(), value);
    }
    if let Some(ctx) = ctx {
        item.insert("ctx".to_owned(), ctx);
    }
    Value::Object(item)
}

fn body_error(error: &BodyError) -> Value {
    match &error.kind {
        BodyErrorKind::Missing => item("missing", json!(["body"]), "Field required", &Value::Null, None),
        BodyErrorKind::NotObject(value) => {
            let msg = "Input should be a valid dictionary or object to extract fields from";
            item("model_attributes_type", json!(["body"]), msg, value, None)
        }
        BodyErrorKind::NotJson => {
            let ctx = json!({ "error": pythons_reason(&error.reason) });
            item("json_invalid", json!(["body", error.offset]), "JSON decode error", &json!({}), Some(ctx))
        }
    }
}

/// The sentence of Python's `json` for the parser's reason, if it has one.
fn pythons_reason(reason: &str) -> &str {
    match reason.split(" at line ").next().unwrap_or_default() {
        "EOF while parsing a value" | "expected value" | "expected ident" => "Expecting value",
        "EOF while parsing an object" | "EOF while parsing a list" | "expected `,` or `}`" | "expected `,` or `]`" => {
            "Expecting ',' delimiter"
        }
        "EOF while parsing a string" => "Unterminated string",
        "key must be a string" | "trailing comma" => "Expecting property name enclosed in double quotes",
        "expected `:`" => "Expecting ':' delimiter",
        "trailing characters" => "Extra data",
        "invalid escape" => "Invalid \\escape",
        other => other,
    }
}

fn field_error(error: &FieldError) -> Value {
    let (kind, msg, ctx) = sentence(&error.rule);
    // FastAPI repeats a body that lacks a field, but it does not repeat a query.
    let repeats = error.rule != Rule::Required || error.part == "body";
    let input = if repeats { &error.input } else { &Value::Null };
    item(kind, json!([error.part, error.field]), &msg, input, ctx)
}

/// An error's type, its sentence, and the values in the sentence.
type Sentence = (&'static str, String, Option<Value>);

/// Pydantic's error for a broken rule.
fn sentence(rule: &Rule) -> Sentence {
    match rule {
        Rule::Required => ("missing", "Field required".to_owned(), None),
        Rule::String => ("string_type", "Input should be a valid string".to_owned(), None),
        Rule::CharsMin(min) => (
            "string_too_short",
            format!("String should have at least {}", chars(*min)),
            Some(json!({ "min_length": min })),
        ),
        Rule::CharsMax(max) => (
            "string_too_long",
            format!("String should have at most {}", chars(*max)),
            Some(json!({ "max_length": max })),
        ),
        Rule::Integer(error, ..) => integer_sentence(*error),
        Rule::Min(ge, _) => {
            let msg = format!("Input should be greater than or equal to {ge}");
            ("greater_than_equal", msg, Some(json!({ "ge": ge })))
        }
        Rule::Max(_, le) => {
            let msg = format!("Input should be less than or equal to {le}");
            ("less_than_equal", msg, Some(json!({ "le": le })))
        }
        Rule::Url { error, chars_max, require_https } => url_sentence(*error, *chars_max, *require_https),
        Rule::HeaderName(error) => value_error(error.to_string()),
        Rule::Other(text) => value_error(text.clone()),
        Rule::Unknown
        | Rule::Boolean
        | Rule::List
        | Rule::ItemsMin(_)
        | Rule::ItemsMax(_)
        | Rule::Object
        | Rule::Choice
        | Rule::Distinct
        | Rule::IdReused
        | Rule::BytesMax(_)
        | Rule::HeaderValue => value_error("invalid".to_owned()),
    }
}

/// `1 character`, `2 characters`.
fn chars(count: usize) -> String {
    format!("{count} character{}", if count == 1 { "" } else { "s" })
}

/// Pydantic's error for a validator of the application's own.
fn value_error(text: String) -> Sentence {
    ("value_error", format!("Value error, {text}"), Some(json!({ "error": text })))
}

/// Pydantic's error for a whole number.
fn integer_sentence(error: IntegerError) -> Sentence {
    let (kind, msg) = match error {
        IntegerError::Type => ("int_type", "Input should be a valid integer"),
        IntegerError::Unparsable => {
            ("int_parsing", "Input should be a valid integer, unable to parse string as an integer")
        }
        IntegerError::Fraction => {
            ("int_from_float", "Input should be a valid integer, got a number with a fractional part")
        }
    };
    (kind, msg.to_owned(), None)
}

/// Pydantic's error for a URL.
fn url_sentence(error: UrlError, chars_max: usize, require_https: bool) -> Sentence {
    let unparsable =
        |error: &str| ("url_parsing", format!("Input should be a valid URL, {error}"), Some(json!({ "error": error })));
    match error {
        UrlError::TooLong => {
            let msg = format!("URL should have at most {chars_max} characters");
            ("url_too_long", msg, Some(json!({ "max_length": chars_max })))
        }
        UrlError::Empty => unparsable("input is empty"),
        UrlError::Unparsable(error) => unparsable(&error.to_string()),
        UrlError::Scheme => {
            let expected = if require_https { "'https'" } else { "'http' or 'https'" };
            let msg = format!("URL scheme should be {expected}");
            ("url_scheme", msg, Some(json!({ "expected_schemes": expected })))
        }
    }
}
