//! One address for both stores: SQS is answered here, DynamoDB's calls are passed on.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, State};
use axum::response::Response;
use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode, Uri};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use winterbaume_core::{MockRequest, MockService};
use winterbaume_sqs::SqsService;

/// What DynamoDB takes at most; SQS takes less.
const BODY_BYTES_MAX: usize = 16 * 1024 * 1024;

struct Front {
    sqs: SqsService,
    dynamodb_url: String,
    client: reqwest::Client,
}

/// Serves both until `stop`.
pub(super) async fn serve(listener: TcpListener, sqs: SqsService, dynamodb_url: String, stop: CancellationToken) {
    let front = Arc::new(Front { sqs, dynamodb_url, client: reqwest::Client::new() });
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
    let request = MockRequest { method: method.to_string(), uri: uri.to_string(), headers, body };
    let answer = front.sqs.handle(request).await;
    response(answer.status, answer.headers, answer.body)
}

impl Front {
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
    // The server sets its own.
    response.headers_mut().remove(http::header::CONTENT_LENGTH);
    response.headers_mut().remove(http::header::TRANSFER_ENCODING);
    response
}
