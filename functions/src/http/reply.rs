//! Answering.

use http::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{Response, StatusCode};
use lambda_http::Body;
use serde::Serialize;
use serde_json::json;

/// What an HTTP function answers.
pub type Reply = Response<Body>;

/// `status` with `body` as JSON.
#[must_use]
pub fn json(status: StatusCode, body: &impl Serialize) -> Reply {
    match serde_json::to_string(body) {
        Ok(text) => with_body(status, Body::Text(text)),
        Err(error) => {
            tracing::error!(error = %error, "an answer could not be written as JSON");
            empty(StatusCode::INTERNAL_SERVER_ERROR)
        }
    }
}

/// `status` without a body.
#[must_use]
pub fn empty(status: StatusCode) -> Reply {
    let mut reply = Response::new(Body::Empty);
    *reply.status_mut() = status;
    reply
}

/// `{"error": {"code", "message"}}`
#[must_use]
pub fn coded_error(status: StatusCode, code: &str, message: &str) -> Reply {
    json(status, &json!({ "error": { "code": code, "message": message } }))
}

/// A 401's answer, saying what would help.
#[must_use]
pub fn asking_for_key(mut reply: Reply) -> Reply {
    reply.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    reply
}

/// A 503's answer, saying when to try again.
#[must_use]
pub fn to_be_tried_again(mut reply: Reply) -> Reply {
    reply.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    reply
}

fn with_body(status: StatusCode, body: Body) -> Reply {
    let mut reply = Response::new(body);
    *reply.status_mut() = status;
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    reply
}
