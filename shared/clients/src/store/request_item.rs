//! A delivery's request within its item.

use std::collections::BTreeMap;

use domain::{AgentId, DeliveryKey, Owner, Traceparent, WebhookKind, WebhookRef};
use rules::sign::Signature;
use serde::{Deserialize, Serialize};

use super::kept_request::{KeptBody, KeptRequest};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct RequestItem {
    /// The webhook's owner and kind.
    of: WebhookOf,
    /// The webhook's agent, if it is not the event's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    agent_id: Option<AgentId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    signature: Option<Signature>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    headers: BTreeMap<String, String>,
    #[serde(default, deserialize_with = "Traceparent::deserialize", skip_serializing_if = "Option::is_none")]
    traceparent: Option<Traceparent>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    body: Option<KeptBody>,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum WebhookOf {
    AgentPrimary,
    AgentAdditional,
    ProjectPrimary,
    ProjectAdditional,
}

impl RequestItem {
    /// The request's item. The agent of most requests is the event's, and is not repeated.
    pub(super) fn new(request: &KeptRequest, event_agent: Option<&AgentId>) -> Self {
        let of = match (&request.webhook.owner, request.webhook.kind) {
            (Owner::Agent(_), WebhookKind::Primary) => WebhookOf::AgentPrimary,
            (Owner::Agent(_), WebhookKind::Additional) => WebhookOf::AgentAdditional,
            (Owner::Project, WebhookKind::Primary) => WebhookOf::ProjectPrimary,
            (Owner::Project, WebhookKind::Additional) => WebhookOf::ProjectAdditional,
        };
        Self {
            of,
            agent_id: request.webhook.owner.agent().filter(|agent| Some(*agent) != event_agent).cloned(),
            signature: request.signature.clone(),
            headers: request.headers.iter().cloned().collect(),
            traceparent: request.traceparent.clone(),
            body: request.body.clone(),
        }
    }

    pub(super) fn into_kept(self, key: &DeliveryKey, event_agent: Option<&AgentId>) -> KeptRequest {
        let kind = match self.of {
            WebhookOf::AgentPrimary | WebhookOf::ProjectPrimary => WebhookKind::Primary,
            WebhookOf::AgentAdditional | WebhookOf::ProjectAdditional => WebhookKind::Additional,
        };
        let is_agents = matches!(self.of, WebhookOf::AgentPrimary | WebhookOf::AgentAdditional);
        let agent = self.agent_id.as_ref().or(event_agent).filter(|_| is_agents);
        let owner = agent.map_or(Owner::Project, |agent| Owner::Agent(agent.clone()));
        KeptRequest {
            webhook: WebhookRef { id: key.webhook_id.clone(), owner, kind },
            signature: self.signature,
            headers: self.headers.into_iter().collect(),
            traceparent: self.traceparent,
            body: self.body,
        }
    }
}
