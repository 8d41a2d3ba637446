//! `{"error": {"code", "message", "details"?}}`

use std::error::Error;

use http::StatusCode;
use serde::Serialize;
use serde_json::json;
use shared::domain::Permission;
use shared::http::caller::CallerError;
use shared::http::reply::{self, Reply, coded_error};
use shared::http::request::BODY_BYTES_MAX;

use crate::fault::{Fault, problem_from_faults};
use crate::function;

/// Why a call is not answered with its result.
#[derive(Debug)]
pub enum Problem {
    /// 401 `unauthorized`
    Unauthorized(&'static str),
    /// 403 `forbidden`
    Forbidden(Permission),
    /// 404 `not_found`
    NotFound(&'static str),
    /// 413 `too_large`
    TooLarge,
    /// 400 `invalid_json`
    NotJson(String),
    /// 422 `invalid_request`
    Invalid(Vec<Detail>),
    /// 503 `unavailable`
    Fault(Fault),
}

/// One thing that is wrong with a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Detail {
    /// Where: `events[3].type`.
    pub field: String,
    /// What, as a sentence.
    pub message: String,
}

/// The longest text that a [`Detail`] repeats of a request, in bytes.
const REPEATED_BYTES_MAX: usize = 256;

impl Detail {
    /// `message` about `field`. Either may repeat what was sent, and is cut so that no answer outgrows its request.
    #[must_use]
    pub fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        let cut = |mut text: String| {
            text.truncate(text.floor_char_boundary(REPEATED_BYTES_MAX));
            text
        };
        Self { field: cut(field.into()), message: cut(message.into()) }
    }
}

impl Problem {
    /// 422 for one wrong field.
    #[must_use]
    pub fn field(field: &str, message: impl Into<String>) -> Self {
        Self::Invalid(vec![Detail::new(field, message)])
    }
}

impl From<CallerError> for Problem {
    fn from(error: CallerError) -> Self {
        match error {
            CallerError::Missing => Self::Unauthorized("Send an API key: `Authorization: Bearer <key>`."),
            CallerError::Invalid => Self::Unauthorized("The API key is not valid."),
            CallerError::Forbidden(permission) => Self::Forbidden(permission),
            CallerError::Store(error) => Self::Fault(error.into()),
        }
    }
}

problem_from_faults!(Problem);

impl function::Problem for Problem {
    fn reply(&self) -> Reply {
        match self {
            Self::Unauthorized(message) => {
                reply::asking_for_key(coded_error(StatusCode::UNAUTHORIZED, "unauthorized", message))
            }
            Self::Forbidden(permission) => {
                let message = format!("The API key may not {}.", permission.as_str());
                coded_error(StatusCode::FORBIDDEN, "forbidden", &message)
            }
            Self::NotFound(message) => coded_error(StatusCode::NOT_FOUND, "not_found", message),
            Self::NotJson(message) => coded_error(StatusCode::BAD_REQUEST, "invalid_json", message),
            Self::Invalid(details) => {
                let message = details.first().map(|detail| match detail.field.as_str() {
                    "" => format!("The body: {}", detail.message),
                    field => format!("{field}: {}", detail.message),
                });
                let error = json!({ "code": "invalid_request", "message": message, "details": details });
                reply::json(StatusCode::UNPROCESSABLE_ENTITY, &json!({ "error": error }))
            }
            Self::TooLarge => {
                let message = format!("The body is over {BODY_BYTES_MAX} bytes.");
                coded_error(StatusCode::PAYLOAD_TOO_LARGE, "too_large", &message)
            }
            Self::Fault(_) => {
                let message = "The request may not have been carried out; try again.";
                reply::to_be_tried_again(coded_error(StatusCode::SERVICE_UNAVAILABLE, "unavailable", message))
            }
        }
    }

    fn fault(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Fault(fault) => Some(fault),
            Self::Unauthorized(_)
            | Self::Forbidden(_)
            | Self::NotFound(_)
            | Self::TooLarge
            | Self::NotJson(_)
            | Self::Invalid(_) => None,
        }
    }
}
