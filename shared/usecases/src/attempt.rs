//! One attempt: sign a body and send it to a webhook. `deliver` makes them, and so do the dialects' test calls.

use std::time::Duration;

use http::header::{CONTENT_TYPE, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue};

use clients::send::{Answer, Request, SendError, SendRequest};
use domain::time::Timestamp;
use domain::{DeliveryId, Method, Traceparent, Webhook};
use rules::sign::{self, Signature, Signer};

/// What every delivery calls itself.
const PRODUCT: &str = concat!("Switchhook/", env!("CARGO_PKG_VERSION"));

/// The signature of a webhook whose secret nobody has but us: nobody could check the dialect's.
const STANDARD_ALONE: Signature = Signature { repeat_as: None, own: None };

/// What is sent, the same on every attempt.
#[derive(Debug, Clone, Copy)]
pub struct Content<'a> {
    /// The delivery, which is the receiver's `webhook-id`.
    pub id: &'a DeliveryId,
    /// What it is signed with, besides the Standard Webhooks headers.
    pub signature: &'a Signature,
    /// The dialect's own headers.
    pub headers: &'a [(String, String)],
    /// The trace of the call that published it.
    pub traceparent: Option<&'a Traceparent>,
    /// JSON.
    pub body: &'a str,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The endpoint answered.
    Answered(Answer),
    /// It didn't.
    NoAnswer(SendError),
}

impl Outcome {
    /// The answer, where there is one.
    #[must_use]
    pub const fn answer(&self) -> Option<&Answer> {
        match self {
            Self::Answered(answer) => Some(answer),
            Self::NoAnswer(_) => None,
        }
    }

    /// Why it counts as failed, in words for the customer; `None` where it was answered with a 2xx.
    #[must_use]
    pub fn error(&self) -> Option<String> {
        match self {
            Self::Answered(answer) if answer.is_success() => None,
            Self::Answered(answer) => Some(format!("The endpoint answered {}.", answer.status)),
            Self::NoAnswer(error) => Some(error.to_string()),
        }
    }
}

/// Signs `content` with the webhook's secret as of `now` and sends it, for at most the webhook's timeout and `timeout_max`.
pub async fn attempt(
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

/// The customer's headers first, then its credentials, then the dialect's headers, so that none of them can replace ours.
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
        // Names and values were checked when they were set; what is no header all the same is not worth a delivery.
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            headers.insert(name, value);
        }
    }
    // Unchanged: what is made of it here are log lines, and no span of a trace.
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
