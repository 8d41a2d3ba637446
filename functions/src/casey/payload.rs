//! Writes the requests that carry events to Casey's endpoints.

use rules::sign::Signature;
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use usecases::dialect::{OutgoingRequest, PayloadContext};

/// `{event_type, event_id, timestamp, organization_id, data}`
#[derive(Serialize)]
struct Payload<'a> {
    event_type: &'a str,
    event_id: &'a str,
    timestamp: String,
    organization_id: &'a str,
    data: &'a RawValue,
}

/// The Standard Webhooks headers again, with the prefix `svix`.
pub(super) fn signature() -> Signature {
    Signature { repeat_as: Some("svix".to_owned()), own: None }
}

/// Writes the request that carries an event to an endpoint.
pub(super) fn build_request(context: &PayloadContext<'_>) -> Result<OutgoingRequest, serde_json::Error> {
    let payload = Payload {
        event_type: context.event_type,
        event_id: context.event.id.as_str(),
        timestamp: context.event.occurred_at.iso8601(),
        organization_id: context.tenant.project.as_str(),
        data: &context.event.data,
    };
    Ok(OutgoingRequest { headers: Vec::new(), body: to_raw_value(&payload)?, message_id: None })
}
