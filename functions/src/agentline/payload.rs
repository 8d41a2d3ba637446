//! Writes the requests that carry events to AgentLine's webhooks.

use indexmap::IndexMap;
use rules::sign::{Algorithm, Encoding, OwnSignature, Signature, SignedPart};
use serde_json::value::{RawValue, to_raw_value};
use usecases::dialect::{OutgoingRequest, PayloadContext};

use super::{EVENT_HEADER, SIGNATURE_HEADER};

/// Writes the request that carries an event to a webhook. The body is the event's data, and each value keeps its bytes.
/// The fields `event_id, event_type, event, agent_id, account_id, created_at` are added, and replace fields of the same
/// name.
pub(super) fn build_request(context: &PayloadContext<'_>) -> Result<OutgoingRequest, serde_json::Error> {
    let event = context.event;
    let mut body: IndexMap<String, Box<RawValue>> = serde_json::from_str(event.data.get())?;
    body.insert("event_id".to_owned(), to_raw_value(&event.id)?);
    body.insert("event_type".to_owned(), to_raw_value(context.event_type)?);
    body.insert("event".to_owned(), to_raw_value(context.event_type)?);
    body.insert("agent_id".to_owned(), to_raw_value(&event.agent_id)?);
    body.insert("account_id".to_owned(), to_raw_value(&context.tenant.project)?);
    body.insert("created_at".to_owned(), to_raw_value(&event.occurred_at.iso8601())?);
    Ok(OutgoingRequest {
        headers: vec![(EVENT_HEADER.to_owned(), context.event_type.to_owned())],
        body: to_raw_value(&body)?,
        message_id: None,
    })
}

/// The hex HMAC of the raw body. A customer may choose GitHub's header, whose value starts with the algorithm.
pub(super) fn signature() -> Signature {
    let own = OwnSignature {
        header: SIGNATURE_HEADER.to_owned(),
        algorithm: Algorithm::HmacSha256,
        encoding: Encoding::Hex,
        signed: vec![SignedPart::Body],
        prefix: String::new(),
        prefix_in: Some(("x-hub-signature-256".to_owned(), "sha256=".to_owned())),
        timestamp_header: None,
    };
    Signature { own: Some(own), repeat_as: None }
}
