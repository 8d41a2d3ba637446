//! Laravel's errors: `{"message"}`, for what is not found with `"success": false`, and for what is not valid with
//! `"errors"`, by field.

use std::error::Error;

use http::StatusCode;
use indexmap::IndexMap;
use serde::Serialize;
use serde_json::json;
use shared::domain::Permission;
use shared::http::caller::CallerError;
use shared::http::reply::{self, Reply};
use shared::http::request::BODY_BYTES_MAX;
use shared::webhooks::WebhookError;

use crate::fault::{Fault, problem_from_faults};
use crate::function;

/// Why a call is not answered with its result.
#[derive(Debug)]
pub(super) enum Problem {
    /// 401
    Unauthorized(&'static str),
    /// 403
    Forbidden(Permission),
    /// 404
    NotFound(&'static str),
    /// 413
    TooLarge,
    /// 422
    Invalid(Errors),
    /// 503
    Fault(Fault),
}

/// What is wrong, as sentences by field.
#[derive(Debug, Default, Serialize)]
#[serde(transparent)]
pub(super) struct Errors(IndexMap<String, Vec<String>>);

impl Errors {
    /// Notes what is wrong with `field`. `rest` is a sentence that goes on behind its name: `is required.`
    pub(super) fn add(&mut self, field: &str, rest: &str) {
        self.add_sentence(field, format!("The {} field {rest}", field.replace('_', " ")));
    }

    /// Notes that a value is none of those that `field` can have.
    pub(super) fn not_among(&mut self, field: &str) {
        self.add_sentence(field, format!("The selected {} is invalid.", field.replace('_', " ")));
    }

    fn add_sentence(&mut self, field: &str, sentence: String) {
        self.0.entry(field.to_owned()).or_default().push(sentence);
    }

    /// Notes all of another's.
    pub(super) fn append(&mut self, other: Self) {
        for (field, sentences) in other.0 {
            self.0.entry(field).or_default().extend(sentences);
        }
    }

    /// The problem that these are, if there are any.
    pub(super) fn problem(self) -> Result<(), Problem> {
        if self.0.is_empty() { Ok(()) } else { Err(Problem::Invalid(self)) }
    }
}

impl From<CallerError> for Problem {
    fn from(error: CallerError) -> Self {
        match error {
            CallerError::Missing => Self::Unauthorized("Missing Bearer Token"),
            CallerError::Invalid => Self::Unauthorized("Invalid Bearer Token"),
            CallerError::Forbidden(permission) => Self::Forbidden(permission),
            CallerError::Store(error) => Self::Fault(error.into()),
        }
    }
}

/// 404
pub(super) const NO_SUCH_AGENT: Problem = Problem::NotFound("Agent not found in this environment.");
/// 404
pub(super) const NO_SUCH_WEBHOOK: Problem = Problem::NotFound("Webhook not found.");

impl From<WebhookError> for Problem {
    fn from(error: WebhookError) -> Self {
        match error {
            WebhookError::NoSuchAgent => NO_SUCH_AGENT,
            WebhookError::NotSet => NO_SUCH_WEBHOOK,
            WebhookError::TooMany(max) => {
                let mut errors = Errors::default();
                let sentence = format!("The agent has {max} webhooks, and no more may be added.");
                errors.add_sentence("agent_id", sentence);
                Self::Invalid(errors)
            }
            WebhookError::Contended => Self::Fault(Fault::Webhook(error)),
            WebhookError::Store(error) => Self::Fault(error.into()),
        }
    }
}

problem_from_faults!(Problem);

impl function::Problem for Problem {
    fn reply(&self) -> Reply {
        match self {
            Self::Unauthorized(text) => {
                reply::asking_for_key(reply::json(StatusCode::UNAUTHORIZED, &json!({ "message": text })))
            }
            Self::Forbidden(permission) => {
                let text = format!("The token may not {}.", permission.as_str());
                reply::json(StatusCode::FORBIDDEN, &json!({ "message": text }))
            }
            Self::NotFound(text) => reply::json(StatusCode::NOT_FOUND, &json!({ "success": false, "message": text })),
            Self::TooLarge => {
                let text = format!("The body is over {BODY_BYTES_MAX} bytes.");
                reply::json(StatusCode::PAYLOAD_TOO_LARGE, &json!({ "message": text }))
            }
            Self::Invalid(errors) => {
                let body = json!({ "message": "The given data was invalid.", "errors": errors });
                reply::json(StatusCode::UNPROCESSABLE_ENTITY, &body)
            }
            Self::Fault(_) => {
                let body = json!({ "message": "The request may not have been carried out; try again." });
                reply::to_be_tried_again(reply::json(StatusCode::SERVICE_UNAVAILABLE, &body))
            }
        }
    }

    fn fault(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Fault(fault) => Some(fault),
            Self::Unauthorized(_) | Self::Forbidden(_) | Self::NotFound(_) | Self::TooLarge | Self::Invalid(_) => None,
        }
    }
}
