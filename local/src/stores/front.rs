//! One address for both stores: SQS's calls are answered here, and DynamoDB's calls are passed on.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, State};
use axum::response::Response;
use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode, Uri};
use serde_json::{Map, Value};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use winterbaume_core::{MockRequest, MockService};
use winterbaume_sqs::SqsService;

use super::backend::Backend;

/// DynamoDB's limit on a request's body; SQS's is lower.
const BODY_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Parts of the names of SQS's calls that may make a message visible.
const ARRIVALS: [&str; 3] = ["SendMessage", "MoveTask", "Visibility"];

const RECEIVE: &str = "AmazonSQS.ReceiveMessage";

/// SQS's limit on the wait of a receive.
const RECEIVE_WAIT_S_MAX: u64 = 20;

struct Front {
    sqs: SqsService,
    queues: Arc<Backend>,
    dynamodb_url: String,
    client: reqwest::Client,
}

/// Serves both stores until `stop`.
pub(super) async fn serve(listener: TcpListener, queues: Arc<Backend>, dynamodb_url: String, stop: CancellationToken) {
    let sqs = SqsService::with_backend(queues.clone());
    let front = Arc::new(Front { sqs, queues, dynamodb_url, client: reqwest::Client::new() });
    let router = Router::new().fallback(answer).layer(DefaultBodyLimit::max(BODY_BYTES_MAX)).with_state(front);
    if let Err(error) = axum::serve(listener, router).with_graceful_shutdown(stop.cancelled_owned()).await {
        tracing::error!(%error, "the embedded stores stopped");
    }
}

async fn answer(
    State(front): State<Arc<Front>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
    if !target.starts_with("AmazonSQS.") {
        return front.pass_on(method, &uri, headers, body).await;
    }
    let target = target.to_owned();
    let body = if target == RECEIVE { front.wait(body).await } else { body };
    let request = MockRequest { method: method.to_string(), uri: uri.to_string(), headers, body };
    let answer = front.sqs.handle(request).await;
    if ARRIVALS.iter().any(|call| target.contains(call)) {
        // The whole batch is in the queue by now, so that a waiting receive gets all of it at once.
        front.queues.notify_of_arrivals();
    }
    response(answer.status, answer.headers, answer.body)
}

impl Front {
    /// Waits as long as a receive asks for, then returns the receive with a wait of 0. Otherwise winterbaume would look
    /// ten times a second.
    async fn wait(&self, body: Bytes) -> Bytes {
        let Ok(mut receive) = serde_json::from_slice::<Map<String, Value>>(&body) else { return body };
        let seconds = receive.insert("WaitTimeSeconds".to_owned(), Value::from(0)).and_then(|wait| wait.as_u64());
        let queue = receive.get("QueueUrl").and_then(Value::as_str).and_then(|url| url.rsplit('/').next());
        if let Some(queue) = queue {
            let wait = Duration::from_secs(seconds.unwrap_or_default().min(RECEIVE_WAIT_S_MAX));
            self.queues.wait_for_message(queue, wait).await;
        }
        Value::Object(receive).to_string().into()
    }

    async fn pass_on(&self, method: Method, uri: &Uri, headers: HeaderMap, body: Bytes) -> Response {
        let request = self.client.request(method, format!("{}{uri}", self.dynamodb_url)).headers(headers).body(body);
        let answered = async {
            let answer = request.send().await?;
            let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
            Ok::<_, reqwest::Error>(response(status, headers, answer.bytes().await?))
        };
        answered.await.unwrap_or_else(|error| {
            tracing::error!(%error, "the embedded DynamoDB did not answer");
            response(StatusCode::BAD_GATEWAY.as_u16(), HeaderMap::new(), Bytes::new())
        })
    }
}

fn response(status: u16, headers: HeaderMap, body: Bytes) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
    *response.headers_mut() = headers;
    // The HTTP server sets these headers itself.
    response.headers_mut().remove(http::header::CONTENT_LENGTH);
    response.headers_mut().remove(http::header::TRANSFER_ENCODING);
    response
}
