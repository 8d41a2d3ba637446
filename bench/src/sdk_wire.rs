//! Intercepts the SDK's requests to AWS, at the SDK's HTTP layer.

use std::fmt;
use std::sync::Arc;

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;

/// Answers a request. It gets the connector that would otherwise send the request.
type Answer = dyn Fn(HttpRequest, SharedHttpConnector) -> HttpConnectorFuture + Send + Sync;

#[derive(Clone)]
struct Wire {
    inner: SharedHttpClient,
    answer: Arc<Answer>,
}

struct Connector {
    inner: SharedHttpConnector,
    answer: Arc<Answer>,
}

/// A client that lets `answer` answer every request.
pub(crate) fn intercepting_client(
    answer: impl Fn(HttpRequest, SharedHttpConnector) -> HttpConnectorFuture + Send + Sync + 'static,
) -> SharedHttpClient {
    let inner = aws_smithy_http_client::Builder::new().build_http();
    SharedHttpClient::new(Wire { inner, answer: Arc::new(answer) })
}

/// The name of a request's call, for example `DynamoDB_20120810.PutItem`.
pub(crate) fn call_name(request: &HttpRequest) -> String {
    request.headers().get("x-amz-target").unwrap_or_default().to_owned()
}

/// An answer of 200 with this JSON.
pub(crate) fn ok(body: Vec<u8>) -> Result<HttpResponse, ConnectorError> {
    let status = 200_u16.try_into().map_err(|error| ConnectorError::user(Box::new(error)))?;
    Ok(HttpResponse::new(status, SdkBody::from(body)))
}

/// An answer's whole body.
pub(crate) async fn read_body(response: HttpResponse) -> Result<Vec<u8>, ConnectorError> {
    let body = ByteStream::new(response.into_body()).collect().await;
    Ok(body.map_err(|error| ConnectorError::io(error.into()))?.to_vec())
}

impl HttpClient for Wire {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        let inner = self.inner.http_connector(settings, components);
        SharedHttpConnector::new(Connector { inner, answer: self.answer.clone() })
    }
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        (self.answer)(request, self.inner.clone())
    }
}

impl fmt::Debug for Wire {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Wire")
    }
}

impl fmt::Debug for Connector {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Connector")
    }
}
