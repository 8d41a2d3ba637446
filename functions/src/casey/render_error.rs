//! `{"error": {"code", "message"}}`

use http::StatusCode;
use rules::url::UrlError;

use crate::http::api_error::{ApiError, BodyErrorKind, FieldError, Rule};
use crate::http::read_request::BODY_BYTES_MAX;
use crate::http::reply::{self, Reply, coded_error};

/// Renders an error as Casey does. If several fields are not valid, it names the first.
pub(super) fn render_error(error: &ApiError) -> Reply {
    let unauthorized = |text| reply::asking_for_key(coded_error(StatusCode::UNAUTHORIZED, "unauthorized", text));
    let invalid = |text: &str| coded_error(StatusCode::BAD_REQUEST, "invalid_request", text);
    match error {
        ApiError::MissingKey => unauthorized("Missing API key"),
        ApiError::InvalidKey => unauthorized("Invalid API key"),
        ApiError::Forbidden(permission) => {
            let text = format!("The API key may not {}", permission.as_str());
            coded_error(StatusCode::FORBIDDEN, "forbidden", &text)
        }
        ApiError::AgentNotFound | ApiError::WebhookNotFound => {
            coded_error(StatusCode::NOT_FOUND, "not_found", "Webhook endpoint not found")
        }
        ApiError::BodyTooLarge => invalid(&format!("the body is over {BODY_BYTES_MAX} bytes")),
        ApiError::InvalidBody(error) => match &error.kind {
            BodyErrorKind::NotObject(_) => invalid("the body has to be a JSON object"),
            BodyErrorKind::Missing | BodyErrorKind::NotJson => {
                invalid(&format!("the body is no JSON: {}", error.reason))
            }
        },
        ApiError::InvalidFields(errors) => invalid(&errors.first().map(sentence).unwrap_or_default()),
        ApiError::WebhookLimit(max) => invalid(&format!("there are {max} endpoints, and no more may be added")),
        ApiError::TooManyWebhooks | ApiError::Internal(_) => {
            let text = "The request may not have been carried out; try again";
            reply::to_be_tried_again(coded_error(StatusCode::SERVICE_UNAVAILABLE, "unavailable", text))
        }
    }
}

fn sentence(error: &FieldError) -> String {
    let field = &error.field;
    match &error.rule {
        Rule::Unknown => format!("unknown field `{}`", field.chars().take(64).collect::<String>()),
        Rule::Required => format!("{field} is required"),
        Rule::String => format!("{field} has to be a string"),
        Rule::CharsMax(max) => format!("{field} has to be at most {max} characters"),
        Rule::List => format!("{field} has to be a list"),
        Rule::ItemsMax(max) => format!("{field} has to be a list of 1 to {max}"),
        Rule::Url { error: UrlError::TooLong, chars_max, .. } => {
            format!("{field} has to be at most {chars_max} characters")
        }
        Rule::Url { error: UrlError::Empty | UrlError::Unparsable(_), .. } => format!("{field} has to be a valid URL"),
        Rule::Url { error: UrlError::Scheme, require_https: true, .. } => format!("{field} has to be an https URL"),
        Rule::Url { error: UrlError::Scheme, .. } => format!("{field} has to be an http or https URL"),
        Rule::Other(text) => text.clone(),
        Rule::CharsMin(_)
        | Rule::Integer(..)
        | Rule::Min(..)
        | Rule::Max(..)
        | Rule::Boolean
        | Rule::ItemsMin(_)
        | Rule::Object
        | Rule::Choice
        | Rule::Distinct
        | Rule::IdReused
        | Rule::BytesMax(_)
        | Rule::HeaderName(_)
        | Rule::HeaderValue => format!("{field} is not valid"),
    }
}
