//! `/inbox`: a receiver to try webhooks with. It shows the requests that it received, and whether each signature
//! verified. The Standard Webhooks project's own library verifies signatures, independently of the code that signs.
//!
//! The inbox keeps the last 100 requests in memory; `DELETE` removes them. `?fail=2` answers the first two attempts of
//! each delivery with a 500.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::fmt::Write;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{Query, State};
use axum::response::{Html, IntoResponse, Json, Response};
use axum::routing::any;
use axum::{Router, body::Bytes};
use domain::Webhook;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, Method, StatusCode};
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use usecases::app::App;

use crate::demo;

/// Requests that the inbox keeps.
const SHOWN_MAX: usize = 100;

/// One received request.
#[derive(Debug, Clone, Serialize)]
struct Receipt {
    received_at: String,
    webhook_id: Option<String>,
    signature: &'static str,
    signed_by: Option<String>,
    attempt: u32,
    answered: u16,
    headers: BTreeMap<String, String>,
    body: Box<RawValue>,
}

struct Inbox {
    app: Arc<App>,
    receipts: Mutex<VecDeque<Receipt>>,
    attempts: Mutex<HashMap<String, u32>>,
}

/// The inbox's routes.
pub(crate) fn router(app: &Arc<App>) -> Router {
    let inbox = Arc::new(Inbox { app: app.clone(), receipts: Mutex::default(), attempts: Mutex::default() });
    Router::new().route("/inbox", any(handle)).with_state(inbox)
}

async fn handle(
    State(inbox): State<Arc<Inbox>>,
    Query(query): Query<HashMap<String, String>>,
    method: Method,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if method == Method::GET {
        let receipts: Vec<Receipt> =
            inbox.receipts.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect();
        let wants_page =
            headers.get(ACCEPT).is_some_and(|accept| accept.to_str().unwrap_or_default().contains("text/html"));
        return if wants_page { Html(page(&receipts)).into_response() } else { pretty(&receipts) };
    }
    if method == Method::DELETE {
        inbox.receipts.lock().unwrap_or_else(PoisonError::into_inner).clear();
        return StatusCode::NO_CONTENT.into_response();
    }
    let fail = query.get("fail").and_then(|count| count.parse().ok()).unwrap_or(0);
    let status = inbox.receive(&headers, &body, fail).await;
    (status, Json(serde_json::json!({ "received": status.is_success() }))).into_response()
}

impl Inbox {
    /// Keeps a request, and answers the first `fail` attempts of its delivery with a 500.
    async fn receive(&self, headers: &HeaderMap, body: &Bytes, fail: u32) -> StatusCode {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let webhook_id = text("webhook-id");
        let attempt = {
            let mut attempts = self.attempts.lock().unwrap_or_else(PoisonError::into_inner);
            let attempt = attempts.entry(webhook_id.clone().unwrap_or_default()).or_default();
            *attempt += 1;
            *attempt
        };
        let status = if attempt <= fail { StatusCode::INTERNAL_SERVER_ERROR } else { StatusCode::OK };
        let signed_by = self.signed_by(headers, body).await;
        let receipt = Receipt {
            received_at: self.app.clock.now().iso8601(),
            webhook_id,
            signature: if signed_by.is_some() { "verified" } else { "NOT verified" },
            signed_by,
            attempt,
            answered: status.as_u16(),
            headers: headers.keys().filter_map(|name| Some((name.to_string(), text(name.as_str())?))).collect(),
            body: as_received(body),
        };
        let mut receipts = self.receipts.lock().unwrap_or_else(PoisonError::into_inner);
        receipts.push_front(receipt);
        receipts.truncate(SHOWN_MAX);
        status
    }

    /// The id of the demo project's webhook whose secret verifies the request.
    async fn signed_by(&self, headers: &HeaderMap, body: &[u8]) -> Option<String> {
        for tenant in demo::tenants() {
            let webhooks = self.app.store.webhooks(&tenant).await.unwrap_or_default();
            if let Some(webhook) = webhooks.iter().find(|webhook| verifies(webhook, headers, body)) {
                return Some(webhook.id.to_string());
            }
        }
        None
    }
}

fn verifies(webhook: &Webhook, headers: &HeaderMap, body: &[u8]) -> bool {
    let secret = webhook.secret.expose();
    let verifier = standardwebhooks::Webhook::new(secret)
        .or_else(|_| standardwebhooks::Webhook::from_bytes(secret.as_bytes().to_vec()));
    verifier.is_ok_and(|verifier| verifier.verify(body, headers).is_ok())
}

/// Indented JSON, because people read it in a terminal.
fn pretty(receipts: &[Receipt]) -> Response {
    let text = serde_json::to_string_pretty(receipts).unwrap_or_default() + "\n";
    ([(CONTENT_TYPE, "application/json")], text).into_response()
}

/// The body's own bytes if it is JSON, else its text as a JSON string.
fn as_received(body: &[u8]) -> Box<RawValue> {
    serde_json::from_slice(body)
        .or_else(|_| to_raw_value(&String::from_utf8_lossy(body)))
        .unwrap_or_else(|_| RawValue::NULL.to_owned())
}

fn page(receipts: &[Receipt]) -> String {
    let mut rows = String::new();
    for receipt in receipts {
        let id = receipt.webhook_id.as_deref().unwrap_or("-");
        // Writing to a String cannot fail.
        write!(
            rows,
            "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td><pre>{}</pre></td></tr>",
            escape(&receipt.received_at),
            escape(id),
            receipt.attempt,
            receipt.signature,
            receipt.answered,
            escape(receipt.body.get()),
        )
        .unwrap_or_default();
    }
    format!(
        "<!doctype html><meta charset=utf-8><meta http-equiv=refresh content=2><title>Switchhook inbox</title>\
         <style>body{{font:14px sans-serif;margin:2em}}td,th{{text-align:left;vertical-align:top;padding:.4em 1em .4em 0}}\
         </style><h1>Inbox</h1><table><tr><th>received<th>webhook-id<th>attempt<th>signature<th>answered<th>body</tr>\
         {rows}</table>"
    )
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
