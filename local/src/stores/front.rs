//! One address for both stores.

use std::fmt;
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
use winterbaume_core::{MockRequest, MockResponse, MockService};
use winterbaume_sqs::SqsService;

use super::dynamodb::{self, Request};
use super::group::Group;
use super::shared_queues::SharedQueues;
use super::tables::Tables;

/// DynamoDB's limit on a request's body; SQS's is lower.
const BODY_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Parts of the names of SQS's calls that may make a message visible.
const ARRIVALS: [&str; 3] = ["SendMessage", "MoveTask", "Visibility"];

/// Parts of the names of SQS's calls after which the journal has changes to write. A receive waits for the journal itself.
const CHANGES: [&str; 5] = ["SendMessage", "DeleteMessage", "CreateQueue", "DeleteQueue", "PurgeQueue"];

/// SQS's answer to a call that the journal could not write.
const INTERNAL_ERROR: &str = r#"{"__type":"InternalError","message":"the queues could not be written"}"#;

const RECEIVE: &str = "AmazonSQS.ReceiveMessage";

/// SQS's limit on the wait of a receive.
const RECEIVE_WAIT_S_MAX: u64 = 20;

/// Both stores.
pub(super) struct Front {
    tables: Arc<Group<Tables>>,
    sqs: SqsService,
    queues: SharedQueues,
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
    let (status, headers, body) = front.answer(method.as_str(), &uri, headers, body).await;
    response(status, headers, body)
}

impl Front {
    pub(super) fn new(tables: Arc<Group<Tables>>, queues: SharedQueues) -> Self {
        Self { tables, sqs: SqsService::with_backend(Arc::new(queues.clone())), queues }
    }

    /// Answers a call of DynamoDB or SQS with a status, headers and a body.
    pub(super) async fn answer(
        &self,
        method: &str,
        uri: &Uri,
        headers: HeaderMap,
        body: Bytes,
    ) -> (u16, HeaderMap, Bytes) {
        let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
        match target.strip_prefix(dynamodb::TARGET_PREFIX) {
            Some(operation) => {
                let request = Request { operation: operation.to_owned(), body };
                match self.tables.submit(request).await {
                    Ok(answer) => (answer.status, json_headers("application/x-amz-json-1.0"), answer.body),
                    Err(_) => (StatusCode::SERVICE_UNAVAILABLE.as_u16(), HeaderMap::new(), Bytes::new()),
                }
            }
            None => {
                let answer = self.answer_sqs(method, uri, headers, body).await;
                (answer.status, answer.headers, answer.body)
            }
        }
    }

    /// Answers a call of SQS.
    async fn answer_sqs(&self, method: &str, uri: &Uri, headers: HeaderMap, body: Bytes) -> MockResponse {
        let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default().to_owned();
        let body = if target == RECEIVE { self.wait(body).await } else { body };
        let request = MockRequest { method: method.to_owned(), uri: uri.to_string(), headers, body };
        let answer = self.sqs.handle(request).await;
        // The whole batch is one transaction of the journal.
        if CHANGES.iter().any(|call| target.contains(call))
            && let Err(error) = self.queues.flush().await
        {
            tracing::error!(%error, "a call of SQS failed");
            return MockResponse::json(StatusCode::INTERNAL_SERVER_ERROR.as_u16(), INTERNAL_ERROR);
        }
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
}

fn json_headers(media_type: &'static str) -> HeaderMap {
    HeaderMap::from_iter([(http::header::CONTENT_TYPE, http::HeaderValue::from_static(media_type))])
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
