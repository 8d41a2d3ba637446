//! What Talkover's callers are answered, and whom their paths name.

use std::collections::BTreeMap;

use http::StatusCode;
use lambda_http::Request;
use serde::Serialize;
use serde_json::json;
use serde_json::value::RawValue;
use shared::domain::{AgentId, Method, Owner, Tenant, Webhook, WebhookId};
use shared::http::reply::{self, Reply};
use shared::http::request::path_parameter;
use shared::store::Store;
use shared::time::millis;
use shared::webhooks;

use super::problem::{NO_SUCH_AGENT, NO_SUCH_WEBHOOK};
use super::request::scheme_name;
use super::settings::events;
use super::{DIALECT, Problem};
use crate::test_call::Tested;

/// `{id, agent_id, name, webhook_url, events, timeout, max_retries, enabled, created_at, updated_at, events_count, status}`,
/// and what else the customer has set, but for secret and credentials.
#[derive(Serialize)]
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
    payload_templates: BTreeMap<&'a str, &'a RawValue>,
}

/// `{key, value}`
#[derive(Serialize)]
struct HeaderReply<'a> {
    key: &'a str,
    value: &'a str,
}

impl<'a> From<&'a Webhook> for WebhookReply<'a> {
    fn from(webhook: &'a Webhook) -> Self {
        let (request, events) = (&webhook.request, events(&webhook.events));
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
            payload_templates: templates(webhook),
        }
    }
}

impl<'a> From<&'a shared::domain::CustomHeader> for HeaderReply<'a> {
    fn from(header: &'a shared::domain::CustomHeader) -> Self {
        Self { key: &header.name, value: header.value.expose() }
    }
}

fn templates(webhook: &Webhook) -> BTreeMap<&str, &RawValue> {
    let templates = webhook.request.templates.iter();
    templates.filter_map(|(event, template)| Some((event.as_str(), serde_json::from_str(template).ok()?))).collect()
}

/// `{success: true, data}`
pub(super) fn found(data: &impl Serialize) -> Reply {
    reply::json(StatusCode::OK, &json!({ "success": true, "data": data }))
}

/// `{success: true, message, data}`
pub(super) fn done(status: StatusCode, message: &str, webhook: &Webhook) -> Reply {
    let data = WebhookReply::from(webhook);
    reply::json(status, &json!({ "success": true, "message": message, "data": data }))
}

/// `{success, message, data: {status_code, response_time}}`; `response_time` in milliseconds.
pub(super) fn tested(tested: &Tested) -> Reply {
    let error = tested.outcome.error();
    let success = error.is_none();
    let message = error
        .map_or_else(|| "Test webhook sent successfully".to_owned(), |error| format!("Test webhook failed: {error}"));
    let status_code = tested.outcome.answer().map(|answer| answer.status);
    let data = json!({ "status_code": status_code, "response_time": millis(tested.response_time) });
    reply::json(StatusCode::OK, &json!({ "success": success, "message": message, "data": data }))
}

/// The agent that the path names. An id that no agent can have is answered as that of no agent.
pub(super) fn agent(request: &Request) -> Result<Owner, Problem> {
    AgentId::parse(&path_parameter(request, "agent_id")).map(Owner::Agent).or(Err(NO_SUCH_AGENT))
}

/// The webhook that the path names.
pub(super) async fn webhook(store: &Store, tenant: &Tenant, request: &Request) -> Result<Webhook, Problem> {
    let owner = agent(request)?;
    // An id that no webhook can have is that of none, which the store has to say: its agent may be unknown, too.
    let id = WebhookId::parse(&path_parameter(request, "webhook_id"));
    let id = id.or_else(|| WebhookId::parse("none")).ok_or(NO_SUCH_WEBHOOK)?;
    Ok(webhooks::additional_webhook(store, tenant, &owner, DIALECT.name, id).await?)
}
