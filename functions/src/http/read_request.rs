//! Reads a request: its body, path and query.

use domain::AgentId;
use lambda_http::{Body, Request, RequestExt};

use super::api_error::ApiError;

/// The largest body of every call except publishing, in bytes. A reply may repeat the body, and Lambda limits replies,
/// too.
pub const BODY_BYTES_MAX: usize = 64 * 1024;

/// The body's bytes. API Gateway's base64 is already decoded.
#[must_use]
pub fn body_bytes(request: &Request) -> &[u8] {
    match request.body() {
        Body::Empty => &[],
        Body::Text(text) => text.as_bytes(),
        Body::Binary(bytes) => bytes,
        // The library may add variants to this enum. An unknown variant is read as no body.
        _ => &[],
    }
}

/// The path parameter `name`, decoded; empty if the route has no such parameter.
#[must_use]
pub fn path_parameter(request: &Request, name: &str) -> String {
    request.path_parameters_ref().and_then(|parameters| parameters.first(name)).unwrap_or_default().to_owned()
}

/// The agent id in the path.
///
/// # Errors
/// Where no agent can have this id: the error for an unknown agent.
pub fn agent_in_path(request: &Request) -> Result<AgentId, ApiError> {
    AgentId::parse(&path_parameter(request, "agent_id")).or(Err(ApiError::AgentNotFound))
}

/// The last value of the query parameter `name`.
#[must_use]
pub fn query_parameter(request: &Request, name: &str) -> Option<String> {
    request.query_string_parameters_ref()?.all(name)?.last().map(|&value| value.to_owned())
}
