//! A DynamoDB that answers every call of a kind as it answered the first: what is left is the work of the functions and of
//! the SDK.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use functions::app::App;
use local::aws;
use shared::store::Store;

/// First answers, by call.
type Answers = Arc<Mutex<HashMap<String, Vec<u8>>>>;

#[derive(Debug)]
struct Replay {
    inner: SharedHttpClient,
    answers: Answers,
}

#[derive(Debug)]
struct ReplayConnector {
    inner: SharedHttpConnector,
    answers: Answers,
}

/// Lets an app's store be answered so; each call's first answer is the stores' own.
pub(crate) async fn stand_in(app: &mut App, stores_url: &str) {
    let inner = aws_smithy_http_client::Builder::new().build_http();
    let client = SharedHttpClient::new(Replay { inner, answers: Answers::default() });
    let config = aws::config(stores_url).await.into_builder().http_client(client).build();
    app.store = Store::new(aws_sdk_dynamodb::Client::new(&config), &app.settings);
}

impl HttpClient for Replay {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        let inner = self.inner.http_connector(settings, components);
        SharedHttpConnector::new(ReplayConnector { inner, answers: self.answers.clone() })
    }
}

impl HttpConnector for ReplayConnector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let call = request.headers().get("x-amz-target").unwrap_or_default().to_owned();
        let known = self.answers.lock().unwrap_or_else(PoisonError::into_inner).get(&call).cloned();
        if let Some(body) = known {
            return HttpConnectorFuture::ready(answer(body));
        }
        let (first, answers) = (self.inner.call(request), self.answers.clone());
        HttpConnectorFuture::new(async move {
            let first = first.await?;
            if !first.status().is_success() {
                return Ok(first);
            }
            let body = ByteStream::new(first.into_body()).collect().await;
            let body = body.map_err(|error| ConnectorError::io(error.into()))?.to_vec();
            answers.lock().unwrap_or_else(PoisonError::into_inner).insert(call, body.clone());
            answer(body)
        })
    }
}

fn answer(body: Vec<u8>) -> Result<HttpResponse, ConnectorError> {
    let status = 200_u16.try_into().map_err(|error| ConnectorError::user(Box::new(error)))?;
    Ok(HttpResponse::new(status, SdkBody::from(body)))
}
