//! A DynamoDB that answers every call of a kind as it answered the first. So a measurement holds only the work of the
//! functions and of the SDK.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture};
use clients::store::Store;
use local::aws;
use usecases::app::App;

use crate::sdk_wire;

/// First answers, by call.
type Answers = Arc<Mutex<HashMap<String, Vec<u8>>>>;

/// Puts this DynamoDB behind an app's store. The first answer to each kind of call comes from the embedded stores.
pub(crate) async fn stand_in(app: &mut App, stores_url: &str) {
    let answers = Answers::default();
    let client = sdk_wire::intercepting_client(move |request, inner| {
        let call = sdk_wire::call_name(&request);
        let known = answers.lock().unwrap_or_else(PoisonError::into_inner).get(&call).cloned();
        if let Some(body) = known {
            return HttpConnectorFuture::ready(sdk_wire::ok(body));
        }
        let (first, answers) = (inner.call(request), answers.clone());
        HttpConnectorFuture::new(async move {
            let first = first.await?;
            if !first.status().is_success() {
                return Ok(first);
            }
            let body = sdk_wire::read_body(first).await?;
            answers.lock().unwrap_or_else(PoisonError::into_inner).insert(call, body.clone());
            sdk_wire::ok(body)
        })
    });
    let config = aws::config(stores_url).await.into_builder().http_client(client).build();
    app.store = Store::new(aws_sdk_dynamodb::Client::new(&config), &app.settings);
}
