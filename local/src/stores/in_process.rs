//! Calls of the AWS SDK that reach the embedded stores inside this process, without a socket.

use std::fmt;
use std::sync::{Arc, Weak};

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;

use super::front::Front;

/// An HTTP client whose requests the stores answer. It does not keep the stores alive: after they stopped, each request
/// fails.
#[derive(Clone)]
struct InProcess(Weak<Front>);

/// The HTTP client for SDK clients that use these stores.
pub(super) fn http_client(front: &Arc<Front>) -> SharedHttpClient {
    SharedHttpClient::new(InProcess(Arc::downgrade(front)))
}

impl HttpClient for InProcess {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for InProcess {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let front = self.0.upgrade();
        HttpConnectorFuture::new(async move {
            let front = front.ok_or_else(|| ConnectorError::io("the embedded stores have stopped".into()))?;
            let request = request.try_into_http1x().map_err(|error| ConnectorError::user(Box::new(error)))?;
            let (parts, body) = request.into_parts();
            let body = Bytes::copy_from_slice(body.bytes().unwrap_or_default());
            let (status, _, body) = front.answer(parts.method.as_str(), &parts.uri, parts.headers, body).await;
            let status = status.try_into().map_err(|error| ConnectorError::other(Box::new(error), None))?;
            Ok(HttpResponse::new(status, SdkBody::from(body)))
        })
    }
}

impl fmt::Debug for InProcess {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("InProcess")
    }
}
