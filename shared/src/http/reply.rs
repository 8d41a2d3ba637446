//! Answering.

use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Response, StatusCode};
use lambda_http::Body;
use serde::Serialize;

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

fn with_body(status: StatusCode, body: Body) -> Reply {
    let mut reply = Response::new(body);
    *reply.status_mut() = status;
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    reply
}
