//! Invoking a function as Lambda does: for at most its timeout, and with a panic contained in the invocation.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use aws_lambda_events::event::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use domain::time::millis;
use functions::function::Endpoint;
use lambda_http::request::LambdaRequest;
use lambda_http::{Adapter, Context, LambdaEvent, Service, service_fn};
use tracing::{Instrument, Span};
use usecases::app::App;

tokio::task_local! {
    static FUNCTION: String;
}

/// The function that is running here, if one is: for who stands in its calls.
#[must_use]
pub fn running() -> Option<String> {
    FUNCTION.try_with(Clone::clone).ok()
}

/// Does `work` in the name of a function: Lambda polls its queues with the function's permissions.
pub(crate) fn in_the_name_of<F: Future>(name: &str, work: F) -> impl Future<Output = F::Output> + use<F> {
    FUNCTION.scope(name.to_owned(), work).instrument(span(name))
}

fn span(name: &str) -> Span {
    tracing::info_span!(parent: None, "invocation", function = name)
}

/// Runs `work` for the function called `name`. `None` where it panicked or its time was up.
pub async fn contained<T: Send + 'static>(
    name: &str,
    timeout: Duration,
    work: impl Future<Output = T> + Send + 'static,
) -> Option<T> {
    let mut task = tokio::spawn(in_the_name_of(name, work));
    let ended = async move {
        match tokio::time::timeout(timeout, &mut task).await {
            Ok(Ok(result)) => Some(result),
            Ok(Err(error)) => {
                tracing::error!(%error, "a function panicked");
                None
            }
            Err(_) => {
                task.abort();
                tracing::error!(duration_ms = millis(timeout), "a function ran out of time");
                None
            }
        }
    };
    ended.instrument(span(name)).await
}

/// Hands API Gateway's event to an HTTP function, through the same adapter as on Lambda.
pub(crate) async fn http(
    app: Arc<App>,
    endpoint: Endpoint,
    event: ApiGatewayV2httpRequest,
) -> Option<ApiGatewayV2httpResponse> {
    let mut adapter = Adapter::from(service_fn(move |request: lambda_http::Request| {
        let app = app.clone();
        async move { Ok::<_, Infallible>(endpoint.answer(&app, &request).await) }
    }));
    let event = LambdaEvent::new(LambdaRequest::ApiGatewayV2(event), Context::default());
    let Ok(response) = adapter.call(event).await;
    // What Lambda gives to API Gateway is JSON, and so is what it is read from here.
    serde_json::to_value(response).and_then(serde_json::from_value::<ApiGatewayV2httpResponse>).ok()
}
