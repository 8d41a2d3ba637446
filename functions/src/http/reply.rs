//! Writes replies.

use http::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{Response, StatusCode};
use lambda_http::Body;
use serde::Serialize;
use serde_json::json;

/// The reply of an HTTP function.
pub type Reply = Response<Body>;

/// A reply with `body` as JSON.
#[must_use]
pub fn json(status: StatusCode, body: &impl Serialize) -> Reply {
    match serde_json::to_string(body) {
        Ok(text) => with_body(status, Body::Text(text)),
        Err(error) => {
            tracing::error!(error = %error, "a reply could not be written as JSON");
            empty(StatusCode::INTERNAL_SERVER_ERROR)
        }
    }
}

/// A reply without a body.
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

/// Adds the header of a 401: the caller has to send a bearer token.
#[must_use]
pub fn asking_for_key(mut reply: Reply) -> Reply {
    reply.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    reply
}

/// Adds the header of a 503: the caller may try again after 1 second.
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
