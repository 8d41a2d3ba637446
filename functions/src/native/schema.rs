//! The native API's requests and replies.

use domain::{Agent, AgentId};
use lambda_http::Request;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::http::api_error::{ApiError, IntegerError, Rule};
use crate::http::fields::{Conversions, Fields, read_object};
use crate::http::read_request::{body_bytes, path_parameter};

/// The native API converts no values, except numbers in a query.
pub(crate) const CONVERSIONS: Conversions = Conversions { blank_is_null: false, integer: read_integer };

/// The longest name of an agent, in characters.
pub(crate) const NAME_CHARS_MAX: usize = 255;

fn read_integer(value: &Value) -> Result<i64, IntegerError> {
    let number = value.as_i64().or_else(|| value.as_str()?.parse().ok());
    number.ok_or(IntegerError::Type)
}

/// An agent.
#[derive(Serialize, JsonSchema)]
pub(crate) struct AgentReply {
    id: String,
    name: Option<String>,
    created_at: String,
}

impl From<Agent> for AgentReply {
    fn from(agent: Agent) -> Self {
        Self { id: agent.id.to_string(), name: agent.name, created_at: agent.created_at.iso8601() }
    }
}

/// A page of agents.
#[derive(Serialize, JsonSchema)]
pub(crate) struct AgentsReply {
    pub(crate) agents: Vec<AgentReply>,
    pub(crate) next_cursor: Option<String>,
}

/// The body that registers an agent.
#[derive(JsonSchema)]
pub(crate) struct AgentRequest {
    pub(crate) name: Option<String>,
}

/// Reads the body that registers an agent. Without a body, the agent has no name.
pub(crate) fn read_agent_request(request: &Request) -> Result<AgentRequest, ApiError> {
    let body = match body_bytes(request) {
        [] => Map::new(),
        bytes => read_object(bytes)?,
    };
    let mut fields = Fields::new(CONVERSIONS, "body", &body);
    fields.refuse_unknown(&["name"]);
    let name = fields.string_of("name", 0..=NAME_CHARS_MAX).map(str::to_owned);
    fields.finish()?;
    Ok(AgentRequest { name })
}

/// The agent id in the path, for a call that registers the agent.
pub(crate) fn new_agent_id(request: &Request) -> Result<AgentId, ApiError> {
    AgentId::parse(&path_parameter(request, "agent_id"))
        .map_err(|error| ApiError::field("path", "agent_id", Rule::Other(error.to_string())))
}

/// An event as a platform publishes it.
#[derive(JsonSchema)]
#[allow(dead_code, reason = "it describes the body; `usecases::publish` reads it, so that `data` keeps its bytes")]
pub(crate) struct EventRequest {
    /// 1 to 128 of `A-Z a-z 0-9 _ . -`: a native name, a dialect's name, or any other name.
    r#type: String,
    data: Map<String, Value>,
    agent_id: Option<String>,
    /// The platform's own id of the event. A repeat within 24 hours is dropped.
    id: Option<String>,
    /// RFC 3339.
    occurred_at: Option<String>,
    channel: Option<String>,
    conversation_id: Option<String>,
    conversation_state: Option<Map<String, Value>>,
}

/// One event, or a batch.
#[derive(JsonSchema)]
#[serde(untagged)]
#[allow(dead_code, reason = "see `EventRequest`")]
pub(crate) enum PublishRequest {
    One(Box<EventRequest>),
    Batch { events: Vec<EventRequest> },
}

/// The ids of the accepted events. One event gets one id, and a batch gets a list.
#[derive(Serialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum PublishReply {
    One(EventIdReply),
    Batch { events: Vec<EventIdReply> },
}

/// An accepted event.
#[derive(Serialize, JsonSchema)]
pub(crate) struct EventIdReply {
    pub(crate) id: String,
}
