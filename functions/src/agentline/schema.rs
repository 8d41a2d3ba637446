//! AgentLine's requests and replies.

use domain::{AgentId, DialectName, Owner, Secret, Webhook};
use lambda_http::Request;
use schemars::JsonSchema;
use serde::Serialize;
use usecases::dialect::Dialects;
use usecases::webhooks::{Choice, PrimaryWebhookSettings, SecretChoice};

use super::{DIALECT, SIGNATURE_HEADER};
use crate::fastapi::{PYDANTIC, URL_CHARS_MAX};
use crate::http::api_error::ApiError;
use crate::http::fields::{Fields, UrlLimits, read_object, read_query};
use crate::http::read_request::body_bytes;

/// Retries after the first attempt.
const RETRIES_MAX: u8 = 10;
/// Seconds that an attempt may take. AgentLine's customers cannot choose the timeout.
pub(super) const TIMEOUT_S: u16 = 30;
/// The `contextLimit` that AgentPhone shows for the same webhook.
const HISTORY_LIMIT: u8 = 10;
/// The longest secret, in characters.
const SECRET_CHARS_MAX: usize = 255;

/// A webhook.
#[derive(Serialize, JsonSchema)]
pub(super) struct WebhookReply {
    agent_id: String,
    url: String,
    secret: String,
    signature_header: String,
    /// When the webhook was last set.
    created_at: String,
}

impl WebhookReply {
    /// With the full secret: only for the reply to the call that sets the webhook.
    pub(super) fn with_secret(webhook: &Webhook) -> Self {
        Self::new(webhook, webhook.secret.expose().to_owned())
    }

    /// With a masked secret, which its holder still recognizes.
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

/// The first 10 characters, `…`, and the last 4. A secret shorter than 24 characters becomes `…` alone, because these
/// 14 would be most of it.
fn mask(secret: &Secret) -> String {
    let characters: Vec<char> = secret.expose().chars().collect();
    match (characters.get(..10), characters.get(characters.len().saturating_sub(4)..)) {
        (Some(first), Some(last)) if characters.len() >= 24 => first.iter().chain(&['…']).chain(last).collect(),
        _ => "…".to_owned(),
    }
}

/// A list of webhooks.
#[derive(Serialize, JsonSchema)]
pub(super) struct WebhooksReply {
    pub(super) webhooks: Vec<WebhookReply>,
    pub(super) count: usize,
}

/// A removed webhook.
#[derive(Serialize, JsonSchema)]
pub(super) struct DeletedReply<'a> {
    pub(super) deleted: bool,
    pub(super) agent_id: &'a str,
}

/// A queued test event.
#[derive(Serialize, JsonSchema)]
pub(super) struct SentReply<'a> {
    pub(super) sent: bool,
    pub(super) url: &'a str,
    pub(super) event_type: &'a str,
}

/// The body that sets a webhook. If secret or header is absent, it stays as it was.
#[derive(JsonSchema)]
pub(super) struct SetRequest<'a> {
    url: &'a str,
    agent_id: &'a str,
    secret: Option<&'a str>,
    signature_header: Option<&'a str>,
}

/// Reads the body that sets a webhook: its owner and settings.
pub(super) fn read_set_request(
    request: &Request,
    dialects: Dialects,
    require_https: bool,
) -> Result<(Owner, PrimaryWebhookSettings), ApiError> {
    let body = read_object(body_bytes(request))?;
    let mut fields = Fields::new(PYDANTIC, "body", &body);
    let url = fields.required_string("url");
    let url = url.and_then(|url| fields.check_url("url", url, UrlLimits { chars_max: URL_CHARS_MAX, require_https }));
    let agent_id = fields.required_string("agent_id");
    let secret = fields.string_of("secret", 1..=SECRET_CHARS_MAX);
    let header = fields.string("signature_header");
    let signature_header =
        header.and_then(|header| fields.check_header_name("signature_header", header, is_reserved(dialects, header)));
    fields.finish()?;
    let set =
        SetRequest { url: url.unwrap_or_default(), agent_id: agent_id.unwrap_or_default(), secret, signature_header };
    Ok((owner(set.agent_id)?, PrimaryWebhookSettings::from(set)))
}

impl From<SetRequest<'_>> for PrimaryWebhookSettings {
    fn from(set: SetRequest<'_>) -> Self {
        Self {
            dialect: DialectName::new(DIALECT.name),
            url: set.url.to_owned(),
            secret: set
                .secret
                .map_or(SecretChoice::KeepOrNew, |secret| SecretChoice::Given(Secret::new(secret.to_owned()))),
            signature_header: set.signature_header.map_or(Choice::Keep, |header| Choice::To(Some(header.to_owned()))),
            retries_max: RETRIES_MAX,
            timeout_s: TIMEOUT_S,
            history_limit: HISTORY_LIMIT,
        }
    }
}

/// Whether a dialect sets the header for anything but a signature. Signatures may share a header name.
fn is_reserved(dialects: Dialects, name: &str) -> bool {
    dialects.is_reserved_header(name) && !name.to_ascii_lowercase().ends_with("-signature")
}

/// `?agent_id=`, which is required.
pub(super) fn required_agent(request: &Request) -> Result<Owner, ApiError> {
    let query = read_query(request, &["agent_id"]);
    let mut fields = Fields::new(PYDANTIC, "query", &query);
    let id = fields.required_string("agent_id");
    fields.finish()?;
    owner(id.unwrap_or_default())
}

/// The agent called `id`. An id that no agent can have gets the reply for an unknown agent.
pub(super) fn owner(id: &str) -> Result<Owner, ApiError> {
    AgentId::parse(id).map(Owner::Agent).or(Err(ApiError::AgentNotFound))
}

/// AgentLine's limits.
pub(super) fn limits() -> Vec<(&'static str, String)> {
    vec![
        ("retries", RETRIES_MAX.to_string()),
        ("an attempt", format!("{TIMEOUT_S} seconds")),
        ("`url`", format!("{URL_CHARS_MAX} characters")),
        ("`secret`", format!("{SECRET_CHARS_MAX} characters")),
    ]
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
