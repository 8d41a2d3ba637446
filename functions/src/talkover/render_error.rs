//! Renders errors as Laravel does: `{"message"}`. A 404 also has `"success": false`, and a 422 has `"errors"` by field.
//! The sentences are those of
//! <https://github.com/laravel/framework/blob/12.x/src/Illuminate/Translation/lang/en/validation.php>.

use http::StatusCode;
use indexmap::IndexMap;
use rules::header::{HeaderError, VALUE_BYTES_MAX};
use rules::url::UrlError;
use serde_json::json;

use crate::http::api_error::{ApiError, BodyErrorKind, FieldError, Rule};
use crate::http::read_request::BODY_BYTES_MAX;
use crate::http::reply::{self, Reply};

/// Renders an error as Laravel does.
pub(super) fn render_error(error: &ApiError) -> Reply {
    let message = |status, text: &str| reply::json(status, &json!({ "message": text }));
    let not_found = |text: &str| reply::json(StatusCode::NOT_FOUND, &json!({ "success": false, "message": text }));
    match error {
        ApiError::MissingKey => reply::asking_for_key(message(StatusCode::UNAUTHORIZED, "Missing Bearer Token")),
        ApiError::InvalidKey => reply::asking_for_key(message(StatusCode::UNAUTHORIZED, "Invalid Bearer Token")),
        ApiError::Forbidden(permission) => {
            message(StatusCode::FORBIDDEN, &format!("The token may not {}.", permission.as_str()))
        }
        ApiError::AgentNotFound => not_found("Agent not found in this environment."),
        ApiError::WebhookNotFound => not_found("Webhook not found."),
        ApiError::BodyTooLarge => {
            message(StatusCode::PAYLOAD_TOO_LARGE, &format!("The body is over {BODY_BYTES_MAX} bytes."))
        }
        ApiError::InvalidBody(error) => {
            let rest = match &error.kind {
                BodyErrorKind::NotObject(_) => "must be a JSON object.".to_owned(),
                BodyErrorKind::Missing | BodyErrorKind::NotJson => format!("must be valid JSON: {}.", error.reason),
            };
            invalid([("body".to_owned(), format!("The body field {rest}"))])
        }
        ApiError::InvalidFields(errors) => invalid(errors.iter().map(|error| (error.field.clone(), sentence(error)))),
        ApiError::WebhookLimit(max) => {
            let sentence = format!("The agent has {max} webhooks, and no more may be added.");
            invalid([("agent_id".to_owned(), sentence)])
        }
        ApiError::TooManyWebhooks | ApiError::Internal(_) => {
            let text = "The request may not have been carried out; try again.";
            reply::to_be_tried_again(message(StatusCode::SERVICE_UNAVAILABLE, text))
        }
    }
}

/// A 422 with the sentences by field, in the order given.
fn invalid(sentences: impl IntoIterator<Item = (String, String)>) -> Reply {
    let mut errors: IndexMap<String, Vec<String>> = IndexMap::new();
    for (field, sentence) in sentences {
        errors.entry(field).or_default().push(sentence);
    }
    let body = json!({ "message": "The given data was invalid.", "errors": errors });
    reply::json(StatusCode::UNPROCESSABLE_ENTITY, &body)
}

fn sentence(error: &FieldError) -> String {
    let field = error.field.replace('_', " ");
    let rest = match &error.rule {
        Rule::Choice => return format!("The selected {field} is invalid."),
        Rule::Required => "is required.".to_owned(),
        Rule::Unknown => "is prohibited.".to_owned(),
        Rule::String => "must be a string.".to_owned(),
        Rule::CharsMin(min) => format!("must be at least {min} characters."),
        Rule::CharsMax(max) => format!("must not be greater than {max} characters."),
        Rule::Integer(..) => "must be an integer.".to_owned(),
        Rule::Min(min, max) | Rule::Max(min, max) => format!("must be between {min} and {max}."),
        Rule::Boolean => "must be true or false.".to_owned(),
        Rule::List | Rule::Object => "must be an array.".to_owned(),
        Rule::ItemsMin(min) => format!("must contain at least {min} items."),
        Rule::ItemsMax(max) => format!("must not have more than {max} items."),
        Rule::Distinct | Rule::IdReused => "has a duplicate value.".to_owned(),
        Rule::BytesMax(max) => format!("must not be greater than {max} bytes."),
        Rule::Url { error: UrlError::TooLong, chars_max, .. } => {
            format!("must not be greater than {chars_max} characters.")
        }
        Rule::Url { error: UrlError::Empty | UrlError::Unparsable(_), .. } => "must be a valid URL.".to_owned(),
        Rule::Url { error: UrlError::Scheme, require_https: true, .. } => {
            "must start with one of the following: https://.".to_owned()
        }
        Rule::Url { error: UrlError::Scheme, .. } => {
            "must start with one of the following: http://, https://.".to_owned()
        }
        Rule::HeaderName(HeaderError::Reserved) => "must not be a header that deliveries set themselves.".to_owned(),
        Rule::HeaderName(HeaderError::Name | HeaderError::Value) => {
            "must be the name of a header, of at most 128 characters.".to_owned()
        }
        Rule::HeaderValue => {
            format!("must be at most {VALUE_BYTES_MAX} visible ASCII characters, blanks and tabs.")
        }
        Rule::Other(rest) => rest.clone(),
    };
    format!("The {field} field {rest}")
}
