//! One address for both stores: SQS's calls are answered here, and DynamoDB's calls are passed on.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, State};
use axum::response::Response;
use bytes::Bytes;
use dynoxide::Database;
use http::{HeaderMap, Method, StatusCode, Uri};
use serde_json::{Map, Value};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use winterbaume_core::{MockRequest, MockResponse, MockService};
use winterbaume_sqs::SqsService;

use super::backend::Backend;

/// DynamoDB's limit on a request's body; SQS's is lower.
const BODY_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Parts of the names of SQS's calls that may make a message visible.
const ARRIVALS: [&str; 3] = ["SendMessage", "MoveTask", "Visibility"];

const RECEIVE: &str = "AmazonSQS.ReceiveMessage";

/// SQS's limit on the wait of a receive.
const RECEIVE_WAIT_S_MAX: u64 = 20;

/// Both stores.
pub(super) struct Front {
    pub(super) database: Database,
    sqs: SqsService,
    queues: Arc<Backend>,
    dynamodb_url: String,
    client: reqwest::Client,
}

/// Serves both stores until `stop`.
pub(super) async fn serve(listener: TcpListener, front: Arc<Front>, stop: CancellationToken) {
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
    let answer = front.answer_sqs(method.as_str(), &uri, headers, body).await;
    response(answer.status, answer.headers, answer.body)
}

impl Front {
    /// Both stores: DynamoDB, which also listens at `dynamodb_url`, and SQS.
    pub(super) fn new(database: Database, dynamodb_url: String, queues: Arc<Backend>) -> Self {
        let sqs = SqsService::with_backend(queues.clone());
        Self { database, sqs, queues, dynamodb_url, client: reqwest::Client::new() }
    }

    /// Answers a call of SQS.
    pub(super) async fn answer_sqs(&self, method: &str, uri: &Uri, headers: HeaderMap, body: Bytes) -> MockResponse {
        let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default().to_owned();
        let body = if target == RECEIVE { self.wait(body).await } else { body };
        let request = MockRequest { method: method.to_owned(), uri: uri.to_string(), headers, body };
        let answer = self.sqs.handle(request).await;
        if ARRIVALS.iter().any(|call| target.contains(call)) {
            // The whole batch is in the queue by now, so that a waiting receive gets all of it at once.
            self.queues.notify_of_arrivals();
        }
        answer
    }

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

impl fmt::Debug for Front {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Front")
    }
}
