//! `{"error": {"code", "message"}}`

use std::error::Error;

use http::StatusCode;
use shared::domain::Permission;
use shared::http::caller::CallerError;
use shared::http::reply::{self, Reply, coded_error};
use shared::webhooks::WebhookError;

use crate::fault::{Fault, problem_from_faults};
use crate::function;

/// Why a call is not answered with its result.
#[derive(Debug)]
pub(super) enum Problem {
    /// 401 `unauthorized`
    Unauthorized(&'static str),
    /// 403 `forbidden`
    Forbidden(Permission),
    /// 404 `not_found`
    NotFound,
    /// 400 `invalid_request`
    Invalid(String),
    /// 503 `unavailable`
    Fault(Fault),
}

impl From<CallerError> for Problem {
    fn from(error: CallerError) -> Self {
        match error {
            CallerError::Missing => Self::Unauthorized("Missing API key"),
            CallerError::Invalid => Self::Unauthorized("Invalid API key"),
            CallerError::Forbidden(permission) => Self::Forbidden(permission),
            CallerError::Store(error) => Self::Fault(error.into()),
        }
    }
}

impl From<WebhookError> for Problem {
    fn from(error: WebhookError) -> Self {
        match error {
            WebhookError::NoSuchAgent | WebhookError::NotSet => Self::NotFound,
            WebhookError::TooMany(max) => Self::Invalid(format!("there are {max} endpoints, and no more may be added")),
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
                reply::asking_for_key(coded_error(StatusCode::UNAUTHORIZED, "unauthorized", text))
            }
            Self::Forbidden(permission) => {
                let text = format!("The API key may not {}", permission.as_str());
                coded_error(StatusCode::FORBIDDEN, "forbidden", &text)
            }
            Self::NotFound => coded_error(StatusCode::NOT_FOUND, "not_found", "Webhook endpoint not found"),
            Self::Invalid(text) => coded_error(StatusCode::BAD_REQUEST, "invalid_request", text),
            Self::Fault(_) => {
                let text = "The request may not have been carried out; try again";
                reply::to_be_tried_again(coded_error(StatusCode::SERVICE_UNAVAILABLE, "unavailable", text))
            }
        }
    }

    fn fault(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Fault(fault) => Some(fault),
            Self::Unauthorized(_) | Self::Forbidden(_) | Self::NotFound | Self::Invalid(_) => None,
        }
    }
}
