//! A customer's endpoint that follows a script, and keeps the requests that it received.

use std::collections::VecDeque;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context, Result};
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderMap, Method, StatusCode};
use serde_json::Value;
use sha2::Sha256;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::stack::PATIENCE;

/// How to answer one request.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// With a status.
    Status(u16),
    /// With a status, headers and a body.
    Full(u16, Vec<(&'static str, String)>, String),
    /// With a status, after a delay.
    Late(Duration, u16),
    /// Never within a sender's longest timeout.
    Hang,
}

/// One received request.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// A running endpoint. After the end of its script it answers 200.
pub(crate) struct Receiver {
    address: String,
    received: watch::Receiver<Vec<Received>>,
}

struct Script {
    steps: Mutex<VecDeque<Step>>,
    received: watch::Sender<Vec<Received>>,
}

impl Receiver {
    pub(crate) async fn start(steps: &[Step]) -> Result<Self> {
        Self::start_at((Ipv4Addr::LOCALHOST, 0), steps).await
    }

    /// Like [`Receiver::start`], at a given address.
    pub(crate) async fn start_at(address: (Ipv4Addr, u16), steps: &[Step]) -> Result<Self> {
        let (sender, received) = watch::channel(Vec::new());
        let script = Arc::new(Script { steps: Mutex::new(steps.iter().cloned().collect()), received: sender });
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?.to_string();
        tokio::spawn(async move { axum::serve(listener, Router::new().fallback(answer).with_state(script)).await });
        Ok(Self { address, received })
    }

    /// The endpoint's URL with this path.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The requests received so far.
    pub(crate) fn received(&self) -> Vec<Received> {
        self.received.borrow().clone()
    }

    /// Waits until `count` requests have been received, and returns all requests.
    pub(crate) async fn wait_for(&self, count: usize) -> Result<Vec<Received>> {
        let mut received = self.received.clone();
        let enough = received.wait_for(|received| received.len() >= count);
        let enough = tokio::time::timeout(PATIENCE, enough).await;
        enough.with_context(|| format!("{} requests instead of {count}", self.received().len()))??;
        Ok(self.received())
    }
}

async fn answer(State(script): State<Arc<Script>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap_or_default();
    let path = parts.uri.path_and_query().map(ToString::to_string).unwrap_or_default();
    let step = script.steps.lock().unwrap().pop_front().unwrap_or(Step::Status(200));
    script.received.send_modify(|received| {
        received.push(Received { method: parts.method, path, headers: parts.headers, body });
    });
    let (status, headers, body) = match step {
        Step::Status(status) => (status, Vec::new(), String::new()),
        Step::Full(status, headers, body) => (status, headers, body),
        Step::Late(wait, status) => {
            tokio::time::sleep(wait).await;
            (status, Vec::new(), String::new())
        }
        Step::Hang => {
            tokio::time::sleep(Duration::from_secs(600)).await;
            (200, Vec::new(), String::new())
        }
    };
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    for (name, value) in headers {
        response.headers_mut().insert(name, value.parse().unwrap());
    }
    response
}

impl Received {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// Whether the Standard Webhooks project's own library accepts the request.
    pub(crate) fn verifies(&self, secret: &str) -> bool {
        standardwebhooks::Webhook::new(secret).unwrap().verify(&self.body, &self.headers).is_ok()
    }

    /// Like [`Received::verifies`], for a customer's own secret that is not `whsec_` and base64: its bytes are the key.
    pub(crate) fn standard_verifies(&self, secret: &str) -> bool {
        let key = secret.as_bytes().to_vec();
        standardwebhooks::Webhook::from_bytes(key).unwrap().verify(&self.body, &self.headers).is_ok()
    }

    /// Whether the request's `X-Webhook-Signature` is the signature that AgentPhone documents.
    pub(crate) fn agentphone_verifies(&self, secret: &str) -> bool {
        let timestamp = self.header("x-webhook-timestamp").as_bytes();
        let hex = hmac_hex(secret, &[timestamp, b".", &self.body]);
        self.header("x-webhook-signature") == format!("sha256={hex}")
    }

    /// HMAC-SHA256 of the body with the secret's bytes, in hex, as AgentLine documents it.
    pub(crate) fn body_hmac(&self, secret: &str) -> String {
        hmac_hex(secret, &[&self.body])
    }
}

fn hmac_hex(secret: &str, parts: &[&[u8]]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}
