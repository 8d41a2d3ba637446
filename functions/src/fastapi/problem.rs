//! `{"detail": …}`: a sentence, or for a 422 a list of what is wrong where.

use std::error::Error;

use http::StatusCode;
use serde::Serialize;
use serde_json::{Value, json};
use shared::domain::Permission;
use shared::http::caller::CallerError;
use shared::http::reply::{self, Reply};
use shared::http::request::BODY_BYTES_MAX;
use shared::store::StoreError;
use shared::store::webhooks::LISTED_MAX;
use shared::webhooks::WebhookError;

use crate::fault::{Fault, problem_from_faults};
use crate::function;

/// Why a call is not answered with its result.
#[derive(Debug)]
pub enum Problem {
    /// 400: the project has more webhooks than a call over all of them reads.
    TooMany,
    /// 401
    Unauthorized(&'static str),
    /// 403
    Forbidden(Permission),
    /// 404
    NotFound(&'static str),
    /// 413
    TooLarge,
    /// 422
    Invalid(Vec<FieldError>),
    /// 503
    Fault(Fault),
}

/// One thing that is wrong with a request.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FieldError {
    /// Pydantic's name for it: `missing`, `string_type`, …
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Where: `["body", "url"]`.
    pub loc: Vec<Value>,
    /// A sentence for people.
    pub msg: String,
    /// What was given there.
    pub input: Value,
    /// The numbers and words of the sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ctx: Option<Value>,
}

impl From<CallerError> for Problem {
    fn from(error: CallerError) -> Self {
        match error {
            CallerError::Missing => Self::Unauthorized("Missing API key."),
            CallerError::Invalid => Self::Unauthorized("Invalid API key."),
            CallerError::Forbidden(permission) => Self::Forbidden(permission),
            CallerError::Store(error) => error.into(),
        }
    }
}

impl From<WebhookError> for Problem {
    fn from(error: WebhookError) -> Self {
        match error {
            WebhookError::NoSuchAgent => Self::NotFound("Agent not found."),
            WebhookError::NotSet => Self::NotFound("Webhook not found."),
            WebhookError::Contended | WebhookError::TooMany(_) => Self::Fault(Fault::Webhook(error)),
            WebhookError::Store(error) => error.into(),
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        if matches!(error, StoreError::TooMany) { Self::TooMany } else { Self::Fault(error.into()) }
    }
}

problem_from_faults!(Problem: Fault, serde_json::Error);

impl function::Problem for Problem {
    fn reply(&self) -> Reply {
        let sentence = |status, text: &str| reply::json(status, &json!({ "detail": text }));
        match self {
            Self::TooMany => {
                let text = format!("The project has over {LISTED_MAX} webhooks, which no one call reads.");
                sentence(StatusCode::BAD_REQUEST, &text)
            }
            Self::Unauthorized(text) => reply::asking_for_key(sentence(StatusCode::UNAUTHORIZED, text)),
            Self::Forbidden(permission) => {
                let text = format!("The API key may not {}.", permission.as_str());
                sentence(StatusCode::FORBIDDEN, &text)
            }
            Self::NotFound(text) => sentence(StatusCode::NOT_FOUND, text),
            Self::TooLarge => {
                let text = format!("The body is over {BODY_BYTES_MAX} bytes.");
                sentence(StatusCode::PAYLOAD_TOO_LARGE, &text)
            }
            Self::Invalid(errors) => reply::json(StatusCode::UNPROCESSABLE_ENTITY, &json!({ "detail": errors })),
            Self::Fault(_) => {
                let text = "Service unavailable, try again.";
                reply::to_be_tried_again(sentence(StatusCode::SERVICE_UNAVAILABLE, text))
            }
        }
    }

    fn fault(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Fault(fault) => Some(fault),
            Self::TooMany
            | Self::Unauthorized(_)
            | Self::Forbidden(_)
            | Self::NotFound(_)
            | Self::TooLarge
            | Self::Invalid(_) => None,
        }
    }
}
