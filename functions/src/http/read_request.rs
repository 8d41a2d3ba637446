//! Reading a request: its body, path and query.

use lambda_http::{Body, Request, RequestExt};

/// The largest body of every call but publishing. An answer may repeat it, and Lambda's answers are limited too.
pub const BODY_BYTES_MAX: usize = 64 * 1024;

/// The body's bytes; API Gateway's base64 is already undone.
#[must_use]
pub fn body_bytes(request: &Request) -> &[u8] {
    match request.body() {
        Body::Empty => &[],
        Body::Text(text) => text.as_bytes(),
        Body::Binary(bytes) => bytes,
        // The enum may grow with the library; what is unknown is read as no body.
        _ => &[],
    }
}

/// The part of the path that the route calls `{name}`, decoded; empty where the route has no such part.
#[must_use]
pub fn path_parameter(request: &Request, name: &str) -> String {
    request.path_parameters_ref().and_then(|parameters| parameters.first(name)).unwrap_or_default().to_owned()
}

/// The last value that the query gives for `name`.
#[must_use]
pub fn query_parameter(request: &Request, name: &str) -> Option<String> {
    request.query_string_parameters_ref()?.all(name)?.last().map(|&value| value.to_owned())
}
