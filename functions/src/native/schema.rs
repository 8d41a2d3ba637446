//! What the native API's callers send and are answered.

use lambda_http::Request;
use serde::{Deserialize, Serialize};
use shared::domain::{Agent, AgentId};
use shared::http::request::{BODY_BYTES_MAX, body_bytes, path_parameter};

use super::Problem;

/// The longest name of an agent, in characters.
const NAME_CHARS_MAX: usize = 255;

/// `{id, name, created_at}`
#[derive(Serialize)]
pub(super) struct AgentReply {
    id: String,
    name: Option<String>,
    created_at: String,
}

impl From<Agent> for AgentReply {
    fn from(agent: Agent) -> Self {
        Self { id: agent.id.to_string(), name: agent.name, created_at: agent.created_at.iso8601() }
    }
}

/// `{name?}`
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AgentRequest {
    pub(super) name: Option<String>,
}

/// Reads the body of a put; none at all is an agent without a name.
pub(super) fn agent_request(request: &Request) -> Result<AgentRequest, Problem> {
    let body = body_bytes(request);
    if body.is_empty() {
        return Ok(AgentRequest::default());
    }
    if body.len() > BODY_BYTES_MAX {
        return Err(Problem::TooLarge);
    }
    let value: serde_json::Value =
        serde_json::from_slice(body).map_err(|error| Problem::NotJson(format!("The body is no JSON: {error}.")))?;
    // A list of the fields' values would be read as well.
    if !value.is_object() {
        return Err(Problem::field("", "a JSON object"));
    }
    let agent: AgentRequest = serde_path_to_error::deserialize(value)
        .map_err(|error| Problem::field(&error.path().to_string(), error.inner().to_string()))?;
    if agent.name.as_ref().is_some_and(|name| name.chars().count() > NAME_CHARS_MAX) {
        return Err(Problem::field("name", format!("at most {NAME_CHARS_MAX} characters")));
    }
    Ok(agent)
}

/// The agent that the path names, for a call that makes it.
pub(super) fn new_agent_id(request: &Request) -> Result<AgentId, Problem> {
    AgentId::parse(&path_parameter(request, "agent_id")).map_err(|error| Problem::field("agent_id", error.to_string()))
}

/// The agent that the path names, for a call that needs it: an id that no agent can have is that of no agent.
pub(super) fn agent_id(request: &Request) -> Result<AgentId, Problem> {
    AgentId::parse(&path_parameter(request, "agent_id")).or(Err(NO_SUCH_AGENT))
}

/// 404
pub(super) const NO_SUCH_AGENT: Problem = Problem::NotFound("There is no such agent.");
