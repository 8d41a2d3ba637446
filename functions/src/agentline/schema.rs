//! What AgentLine's callers send and are answered.

use lambda_http::Request;
use serde::Serialize;
use shared::domain::{AgentId, DialectName, Owner, Secret, Webhook};
use shared::http::request::body_bytes;
use shared::webhooks::{Choice, PrimaryWebhookSettings, SecretChoice};

use super::{DIALECT, SIGNATURE_HEADER};
use crate::dialects;
use crate::fastapi::{Fields, Problem, object, query};

/// Attempts after the first one.
const RETRIES_MAX: u8 = 10;
/// Seconds that an attempt may take; AgentLine's customers cannot choose.
const TIMEOUT_S: u16 = 30;
/// What AgentPhone's view of the same primary webhook shows for `contextLimit`.
const HISTORY_LIMIT: u8 = 10;
/// The longest secret, in characters.
const SECRET_CHARS_MAX: usize = 255;

/// `{agent_id, url, secret, signature_header, created_at}`
#[derive(Serialize)]
pub(super) struct WebhookReply {
    agent_id: String,
    url: String,
    secret: String,
    signature_header: String,
    /// When it was last set.
    created_at: String,
}

impl WebhookReply {
    /// With the full secret: for the call that sets it, and no other.
    pub(super) fn with_secret(webhook: &Webhook) -> Self {
        Self::new(webhook, webhook.secret.expose().to_owned())
    }

    /// With so much of the secret that its holder knows it again.
    pub(super) fn masked(webhook: &Webhook) -> Self {
        Self::new(webhook, mask(&webhook.secret))
    }

    fn new(webhook: &Webhook, secret: String) -> Self {
        Self {
            agent_id: webhook.owner.agent().map(ToString::to_string).unwrap_or_default(),
            url: webhook.url.clone(),
            secret,
            signature_header: webhook.signature_header.clone().unwrap_or_else(|| SIGNATURE_HEADER.to_owned()),
            created_at: webhook.updated_at.iso8601(),
        }
    }
}

/// The first 10 characters, `…`, and the last 4; of a secret of which that would be most, `…` alone.
fn mask(secret: &Secret) -> String {
    let characters: Vec<char> = secret.expose().chars().collect();
    match (characters.get(..10), characters.get(characters.len().saturating_sub(4)..)) {
        (Some(first), Some(last)) if characters.len() >= 24 => first.iter().chain(&['…']).chain(last).collect(),
        _ => "…".to_owned(),
    }
}

/// A set: whose, and to what.
pub(super) struct SetRequest {
    pub(super) owner: Owner,
    pub(super) settings: PrimaryWebhookSettings,
}

/// `{url, agent_id, secret?, signature_header?}`. The secret and the header that are left out stay as they were.
pub(super) fn set_request(request: &Request, require_https: bool) -> Result<SetRequest, Problem> {
    let body = object(body_bytes(request))?;
    let mut fields = Fields::new("body", &body);
    let url = fields.required_url("url", require_https);
    let agent_id = fields.required_string("agent_id");
    let secret = fields.string_of("secret", 1..=SECRET_CHARS_MAX);
    let signature_header = fields.header_name("signature_header", is_taken);
    fields.finish()?;
    let settings = PrimaryWebhookSettings {
        dialect: DialectName::new(DIALECT.name),
        url: url.unwrap_or_default(),
        secret: secret.map_or(SecretChoice::KeepOrNew, |secret| SecretChoice::Given(Secret::new(secret))),
        signature_header: signature_header.map_or(Choice::Keep, |header| Choice::To(Some(header))),
        retries_max: RETRIES_MAX,
        timeout_s: TIMEOUT_S,
        history_limit: HISTORY_LIMIT,
    };
    Ok(SetRequest { owner: owner(&agent_id.unwrap_or_default())?, settings })
}

/// Whether another header of some dialect's has that name. Signatures may be called alike.
fn is_taken(name: &str) -> bool {
    dialects::is_reserved_header(name) && !name.to_ascii_lowercase().ends_with("-signature")
}

/// `?agent_id=`, which has to be there.
pub(super) fn required_agent(request: &Request) -> Result<Owner, Problem> {
    let query = query(request, &["agent_id"]);
    let mut fields = Fields::new("query", &query);
    let id = fields.required_string("agent_id");
    fields.finish()?;
    owner(&id.unwrap_or_default())
}

/// The agent called `id`. An id that no agent can have is answered as that of no agent.
pub(super) fn owner(id: &str) -> Result<Owner, Problem> {
    AgentId::parse(id).map(Owner::Agent).or(Err(Problem::NotFound("Agent not found.")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_masked_secret_tells_little() {
        let masked = |secret: &str| mask(&Secret::new(secret.to_owned()));
        assert_eq!(masked("whsec_k6eUiUhP84/qqcvFdnAirLVmlH/T83rh"), "whsec_k6eU…83rh");
        for short in ["", "secret", "12345678901234567890123"] {
            assert_eq!(masked(short), "…", "{short}");
        }
    }
}
