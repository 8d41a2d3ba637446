//! A dialect's test call that waits: it sends to a webhook now, and is no delivery in the log.

use std::time::Duration;

use crate::attempt::{Content, Outcome, attempt};
use domain::time::Timestamp;
use domain::{DeliveryId, Webhook};

use crate::app::App;
use crate::dialect::OutgoingRequest;

/// The longest that a test call waits: API Gateway gives up on a function after 30 seconds.
const TIMEOUT: Duration = Duration::from_secs(25);

/// What came of a test call.
#[derive(Debug)]
pub struct Tested {
    /// What the endpoint answered, if it did.
    pub outcome: Outcome,
    /// How long that took.
    pub response_time: Duration,
}

/// Sends what `tell` writes for a new delivery id and the current time.
///
/// # Errors
/// Those of `tell`.
pub async fn test_webhook(
    app: &App,
    webhook: &Webhook,
    build_request: impl FnOnce(&DeliveryId, Timestamp) -> Result<OutgoingRequest, serde_json::Error>,
) -> Result<Tested, serde_json::Error> {
    let now = app.clock.now();
    let id = app.ids.test_delivery(now);
    let request = build_request(&id, now)?;
    let (headers, body) = (request.headers.as_slice(), request.body.get());
    let content = Content { id: &id, signature: &request.signature, headers, traceparent: None, body };
    let outcome = attempt(&*app.sender, webhook, content, now, TIMEOUT).await;
    Ok(Tested { outcome, response_time: app.clock.now().since(now) })
}
