//! Makes one attempt: signs a body and sends it to a webhook. `deliver` and the dialects' test calls make attempts.

use std::time::Duration;

use clients::send::{Answer, Request, SendError, SendRequest};
use domain::time::Timestamp;
use domain::{DeliveryId, Method, Traceparent, Webhook};
use http::header::{CONTENT_TYPE, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue};
use rules::sign::{self, Signature, Signer};

/// The `User-Agent` of every attempt.
const PRODUCT: &str = concat!("Switchhook/", env!("CARGO_PKG_VERSION"));

/// The Standard Webhooks headers alone. They sign for a webhook whose secret only Switchhook knows: nobody could verify
/// the dialect's signature.
const STANDARD_ALONE: Signature = Signature { repeat_as: None, own: None };

/// The parts of a request that are the same on every attempt.
#[derive(Debug, Clone, Copy)]
pub struct Content<'a> {
    /// The delivery's id. The receiver gets it as the header `webhook-id`.
    pub id: &'a DeliveryId,
    /// The dialect's signature, besides the Standard Webhooks headers.
    pub signature: &'a Signature,
    /// The dialect's own headers.
    pub headers: &'a [(String, String)],
    /// The trace of the call that published the event.
    pub traceparent: Option<&'a Traceparent>,
    /// The body, as JSON.
    pub body: &'a str,
}

/// The result of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The endpoint answered.
    Answered(Answer),
    /// The endpoint did not answer.
    NoAnswer(SendError),
}

impl Outcome {
    /// The endpoint's answer, if there is one.
    #[must_use]
    pub const fn answer(&self) -> Option<&Answer> {
        match self {
            Self::Answered(answer) => Some(answer),
            Self::NoAnswer(_) => None,
        }
    }

    /// The endpoint's answer, if there is one.
    #[must_use]
    pub fn into_answer(self) -> Option<Answer> {
        match self {
            Self::Answered(answer) => Some(answer),
            Self::NoAnswer(_) => None,
        }
    }

    /// Why the attempt failed, as a sentence for the customer; `None` for a 2xx answer.
    #[must_use]
    pub fn error(&self) -> Option<String> {
        match self {
            Self::Answered(answer) if answer.is_success() => None,
            Self::Answered(answer) => Some(format!("The endpoint answered {}.", answer.status)),
            Self::NoAnswer(error) => Some(error.to_string()),
        }
    }
}

/// Signs `content` with the webhook's secrets as of `now`, and sends it. The attempt takes at most the webhook's
/// timeout, and at most `timeout_max`.
pub async fn make_attempt(
    sender: &dyn SendRequest,
    webhook: &Webhook,
    content: Content<'_>,
    now: Timestamp,
    timeout_max: Duration,
) -> Outcome {
    let request = Request {
        method: http_method(webhook.request.method),
        url: &webhook.url,
        headers: headers(webhook, content, now),
        body: content.body.as_bytes().to_vec(),
        timeout: Duration::from_secs(webhook.timeout_s.into()).min(timeout_max),
    };
    sender.send(request).await.map_or_else(Outcome::NoAnswer, Outcome::Answered)
}

/// Sets the customer's headers, then its credentials, the dialect's headers and the signature. A later header replaces
/// an earlier header of the same name, so the customer cannot replace Switchhook's headers.
fn headers(webhook: &Webhook, content: Content<'_>, now: Timestamp) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let customers = webhook.request.headers.iter().map(|header| (header.name.as_str(), header.value.expose()));
    let authorization = webhook.request.authorization.header();
    let authorization = authorization.iter().map(|(name, value)| (*name, value.as_str()));
    let dialects = content.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let signer = Signer {
        signature: if webhook.secret_known { content.signature } else { &STANDARD_ALONE },
        secret: &webhook.secret,
        previous: &webhook.previous_secrets,
        header: webhook.signature_header.as_deref(),
    };
    let signature = sign::headers(signer, content.id.as_str(), now, content.body.as_bytes());
    let signature = signature.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    for (name, value) in customers.chain(authorization).chain(dialects).chain(signature) {
        // Names and values were checked when they were set. An invalid header is left out all the same: it must not
        // stop the delivery.
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            headers.insert(name, value);
        }
    }
    // Sent unchanged: Switchhook writes log lines for this trace, but no span of its own.
    if let Some(Ok(traceparent)) = content.traceparent.map(|traceparent| HeaderValue::try_from(traceparent.as_str())) {
        headers.insert(Traceparent::HEADER, traceparent);
    }
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(USER_AGENT, HeaderValue::from_static(PRODUCT));
    headers
}

const fn http_method(method: Method) -> http::Method {
    match method {
        Method::Post => http::Method::POST,
        Method::Put => http::Method::PUT,
        Method::Patch => http::Method::PATCH,
    }
}
