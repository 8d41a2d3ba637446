//! Talkover's replies, and the ids in its paths.

use std::collections::BTreeMap;

use domain::time::millis;
use domain::{AgentId, Method, Owner, Tenant, Webhook, WebhookId};
use http::StatusCode;
use indexmap::IndexMap;
use lambda_http::Request;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::value::RawValue;
use usecases::app::App;
use usecases::send_test::Tested;
use usecases::webhooks;

use super::DIALECT;
use super::read_request_options::scheme_name;
use super::read_webhook::event_names;
use crate::http::api_error::ApiError;
use crate::http::read_request::{agent_in_path, path_parameter};
use crate::http::reply::{self, Reply};

/// `{id, agent_id, name, webhook_url, events, timeout, max_retries, enabled, created_at, updated_at, events_count,
/// status}`, and the other settings of the customer. The secret and the credentials are left out.
#[derive(Serialize, JsonSchema)]
pub(super) struct WebhookReply<'a> {
    id: &'a str,
    agent_id: &'a str,
    name: &'a str,
    webhook_url: &'a str,
    events: &'a [String],
    timeout: u16,
    max_retries: u8,
    enabled: bool,
    created_at: String,
    updated_at: String,
    events_count: usize,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    http_method: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    authorization_scheme: Option<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    custom_headers: Vec<HeaderReply<'a>>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(with = "BTreeMap<String, serde_json::Value>")]
    payload_templates: BTreeMap<&'a str, &'a RawValue>,
}

/// `{key, value}`
#[derive(Serialize, JsonSchema)]
struct HeaderReply<'a> {
    key: &'a str,
    value: &'a str,
}

impl<'a> From<&'a Webhook> for WebhookReply<'a> {
    fn from(webhook: &'a Webhook) -> Self {
        let (request, events) = (&webhook.request, event_names(&webhook.events));
        let authorization_scheme = scheme_name(&request.authorization);
        Self {
            id: webhook.id.as_str(),
            agent_id: webhook.owner.agent().map(AgentId::as_str).unwrap_or_default(),
            name: webhook.description.as_deref().unwrap_or_default(),
            webhook_url: &webhook.url,
            events,
            timeout: webhook.timeout_s,
            max_retries: webhook.retries_max,
            enabled: webhook.enabled,
            created_at: webhook.created_at.iso8601_micros(),
            updated_at: webhook.updated_at.iso8601_micros(),
            events_count: events.len(),
            status: if webhook.enabled { "active" } else { "disabled" },
            http_method: (request.method != Method::default()).then_some(request.method.as_str()),
            authorization_scheme: (authorization_scheme != "none").then_some(authorization_scheme),
            custom_headers: request.headers.iter().map(HeaderReply::from).collect(),
            payload_templates: parse_templates(webhook),
        }
    }
}

impl<'a> From<&'a domain::CustomHeader> for HeaderReply<'a> {
    fn from(header: &'a domain::CustomHeader) -> Self {
        Self { key: &header.name, value: header.value.expose() }
    }
}

fn parse_templates(webhook: &Webhook) -> BTreeMap<&str, &RawValue> {
    let templates = webhook.request.templates.iter();
    templates.filter_map(|(event, template)| Some((event.as_str(), serde_json::from_str(template).ok()?))).collect()
}

/// A webhook that was found.
#[derive(Serialize, JsonSchema)]
pub(super) struct FoundReply<T> {
    success: bool,
    data: T,
}

/// A webhook that was changed.
#[derive(Serialize, JsonSchema)]
pub(super) struct ChangedReply<'a> {
    success: bool,
    message: &'a str,
    data: WebhookReply<'a>,
}

/// A webhook that was removed.
#[derive(Serialize, JsonSchema)]
pub(super) struct DeletedReply {
    pub(super) success: bool,
    pub(super) message: &'static str,
}

/// An agent's webhooks, and the events that a webhook can ask for, by name.
#[derive(Serialize, JsonSchema)]
pub(super) struct WebhooksReply<'a> {
    pub(super) webhooks: Vec<WebhookReply<'a>>,
    #[schemars(with = "BTreeMap<String, String>")]
    pub(super) available_events: IndexMap<&'a str, &'a str>,
}

/// The result of a test call.
#[derive(Serialize, JsonSchema)]
pub(super) struct TestReply {
    success: bool,
    message: String,
    data: TestData,
}

/// The endpoint's answer to a test call.
#[derive(Serialize, JsonSchema)]
struct TestData {
    status_code: Option<u16>,
    /// Milliseconds.
    response_time: u64,
}

pub(super) fn found<T: Serialize>(data: T) -> Reply {
    reply::json(StatusCode::OK, &FoundReply { success: true, data })
}

pub(super) fn changed(status: StatusCode, message: &str, webhook: &Webhook) -> Reply {
    reply::json(status, &ChangedReply { success: true, message, data: WebhookReply::from(webhook) })
}

pub(super) fn tested(tested: &Tested) -> Reply {
    let error = tested.outcome.error();
    let success = error.is_none();
    let message = error
        .map_or_else(|| "Test webhook sent successfully".to_owned(), |error| format!("Test webhook failed: {error}"));
    let status_code = tested.outcome.answer().map(|answer| answer.status);
    let data = TestData { status_code, response_time: millis(tested.response_time) };
    reply::json(StatusCode::OK, &TestReply { success, message, data })
}

/// The agent in the path.
pub(super) fn agent(request: &Request) -> Result<Owner, ApiError> {
    agent_in_path(request).map(Owner::Agent)
}

/// The webhook in the path.
pub(super) async fn find_webhook(app: &App, tenant: &Tenant, request: &Request) -> Result<Webhook, ApiError> {
    let owner = agent(request)?;
    // An id that no webhook can have gets the reply for an unknown webhook. The store is asked all the same, because
    // the agent may be unknown, too.
    let id = WebhookId::parse(&path_parameter(request, "webhook_id"));
    let id = id.or_else(|_| WebhookId::parse("none")).or(Err(ApiError::WebhookNotFound))?;
    Ok(webhooks::additional_webhook(app, tenant, &owner, DIALECT.name, id).await?)
}
