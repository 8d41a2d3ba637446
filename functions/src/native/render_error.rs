//! `{"error": {"code", "message", "details"?}}`

use clients::store::webhooks::LISTED_MAX;
use http::StatusCode;
use rules::url::UrlError;
use serde::Serialize;
use serde_json::json;

use crate::http::api_error::{ApiError, BodyErrorKind, FieldError, Rule};
use crate::http::read_request::BODY_BYTES_MAX;
use crate::http::reply::{self, Reply, coded_error};

/// The longest text of a request that a [`Detail`] repeats, in bytes. So no reply outgrows its request.
const REPEATED_BYTES_MAX: usize = 256;

/// One error in a request.
#[derive(Serialize)]
struct Detail {
    /// `events[3].type`
    field: String,
    message: String,
}

/// Renders an error of the native API.
pub(crate) fn render_error(error: &ApiError) -> Reply {
    let unauthorized = |text| reply::asking_for_key(coded_error(StatusCode::UNAUTHORIZED, "unauthorized", text));
    match error {
        ApiError::MissingKey => unauthorized("Send an API key: `Authorization: Bearer <key>`."),
        ApiError::InvalidKey => unauthorized("The API key is not valid."),
        ApiError::Forbidden(permission) => {
            let message = format!("The API key may not {}.", permission.as_str());
            coded_error(StatusCode::FORBIDDEN, "forbidden", &message)
        }
        ApiError::AgentNotFound => coded_error(StatusCode::NOT_FOUND, "not_found", "There is no such agent."),
        ApiError::WebhookNotFound => coded_error(StatusCode::NOT_FOUND, "not_found", "There is no such webhook."),
        ApiError::BodyTooLarge => {
            let message = format!("The body is over {BODY_BYTES_MAX} bytes.");
            coded_error(StatusCode::PAYLOAD_TOO_LARGE, "too_large", &message)
        }
        ApiError::InvalidBody(error) => match &error.kind {
            BodyErrorKind::NotObject(_) => invalid(&[detail("", "a JSON object".to_owned())]),
            BodyErrorKind::Missing | BodyErrorKind::NotJson => {
                let message = format!("The body is not JSON: {}.", error.reason);
                coded_error(StatusCode::BAD_REQUEST, "invalid_json", &message)
            }
        },
        ApiError::InvalidFields(errors) => {
            let details: Vec<_> = errors.iter().map(|error| detail(&error.field, sentence(error))).collect();
            let is_conflict = errors.iter().all(|error| error.rule == Rule::IdReused);
            unprocessable(if is_conflict { "id_conflict" } else { "invalid_request" }, &details)
        }
        ApiError::WebhookLimit(max) => {
            invalid(&[detail("", format!("there are {max} webhooks, and no more may be added"))])
        }
        ApiError::TooManyWebhooks => {
            let message = format!("The project has more than {LISTED_MAX} webhooks, the most that one call reads.");
            coded_error(StatusCode::UNPROCESSABLE_ENTITY, "invalid_request", &message)
        }
        ApiError::Internal(_) => {
            let message = "The request may not have been carried out; try again.";
            reply::to_be_tried_again(coded_error(StatusCode::SERVICE_UNAVAILABLE, "unavailable", message))
        }
    }
}

fn detail(field: &str, message: String) -> Detail {
    let cut = |mut text: String| {
        text.truncate(text.floor_char_boundary(REPEATED_BYTES_MAX));
        text
    };
    Detail { field: cut(field.to_owned()), message: cut(message) }
}

fn invalid(details: &[Detail]) -> Reply {
    unprocessable("invalid_request", details)
}

fn unprocessable(code: &str, details: &[Detail]) -> Reply {
    let message = details.first().map(|detail| match detail.field.as_str() {
        "" => format!("The body: {}", detail.message),
        field => format!("{field}: {}", detail.message),
    });
    let error = json!({ "code": code, "message": message, "details": details });
    reply::json(StatusCode::UNPROCESSABLE_ENTITY, &json!({ "error": error }))
}

fn sentence(error: &FieldError) -> String {
    match &error.rule {
        Rule::Required => "required".to_owned(),
        Rule::Unknown => format!("unknown field `{}`", error.field),
        Rule::String => "expected a string".to_owned(),
        Rule::CharsMin(min) => format!("at least {min} characters"),
        Rule::CharsMax(max) => format!("at most {max} characters"),
        Rule::Integer(_, min, max) | Rule::Min(min, max) | Rule::Max(min, max) => {
            format!("a whole number from {min} to {max}")
        }
        Rule::Boolean => "true or false".to_owned(),
        Rule::List => "a list".to_owned(),
        Rule::ItemsMin(min) => format!("at least {min} items"),
        Rule::ItemsMax(max) => format!("at most {max} items"),
        Rule::Object => "a JSON object".to_owned(),
        Rule::Choice => "one of the documented values".to_owned(),
        Rule::Distinct => "no value twice".to_owned(),
        Rule::IdReused => "was used for an event with other content within the last 24 hours".to_owned(),
        Rule::BytesMax(max) => format!("at most {max} bytes"),
        Rule::Url { error: UrlError::TooLong, chars_max, .. } => format!("at most {chars_max} characters"),
        Rule::Url { error: UrlError::Scheme, require_https: true, .. } => "an https URL".to_owned(),
        Rule::Url { error: UrlError::Scheme | UrlError::Empty | UrlError::Unparsable(_), .. } => {
            "an http or https URL".to_owned()
        }
        Rule::HeaderName(error) => error.to_string(),
        Rule::HeaderValue => "visible ASCII characters, blanks and tabs".to_owned(),
        Rule::Other(text) => text.clone(),
    }
}
