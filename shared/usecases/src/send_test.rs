//! A dialect's test call that waits for the answer. It sends to a webhook now, and logs no delivery.

use std::time::Duration;

use domain::time::Timestamp;
use domain::{DeliveryId, Webhook};

use crate::app::App;
use crate::attempt::{Content, Outcome, make_attempt};
use crate::dialect::OutgoingRequest;

/// The longest that a test call waits. API Gateway waits 30 seconds for a function.
const TIMEOUT: Duration = Duration::from_secs(25);

/// The result of a test call.
#[derive(Debug)]
pub struct Tested {
    /// The endpoint's answer, or why there is none.
    pub outcome: Outcome,
    /// How long the attempt took.
    pub response_time: Duration,
}

/// Sends the request that `build_request` writes for a new delivery id and the current time.
///
/// # Errors
/// Those of `build_request`.
pub async fn test_webhook(
    app: &App,
    webhook: &Webhook,
    build_request: impl FnOnce(&DeliveryId, Timestamp) -> Result<OutgoingRequest, serde_json::Error>,
) -> Result<Tested, serde_json::Error> {
    let now = app.clock.now();
    let id = app.ids.test_delivery(now);
    let request = build_request(&id, now)?;
    let (headers, body) = (request.headers.as_slice(), request.body.get());
    let signature = app.dialects.signature(&webhook.dialect);
    let content = Content { id: &id, signature: &signature, headers, traceparent: None, body };
    let outcome = make_attempt(&*app.sender, webhook, content, now, TIMEOUT).await;
    Ok(Tested { outcome, response_time: app.clock.now().since(now) })
}
