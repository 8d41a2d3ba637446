//! Invokes functions as Lambda does: an invocation ends at its timeout, and a panic ends that invocation alone.

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

/// The function that the current task runs, if any. An interceptor of a call to AWS asks for it.
#[must_use]
pub fn running() -> Option<String> {
    FUNCTION.try_with(Clone::clone).ok()
}

/// Runs `work` under a function's name. Polling a queue is such work: Lambda polls with the function's permissions.
pub(crate) fn as_function<F: Future>(name: &str, work: F) -> impl Future<Output = F::Output> + use<F> {
    FUNCTION.scope(name.to_owned(), work).instrument(span(name))
}

fn span(name: &str) -> Span {
    tracing::info_span!(parent: None, "invocation", function = name)
}

/// Runs `work` as an invocation of the function `name`. Returns `None` if it panicked or timed out.
pub async fn run_invocation<T: Send + 'static>(
    name: &str,
    timeout: Duration,
    work: impl Future<Output = T> + Send + 'static,
) -> Option<T> {
    let mut task = tokio::spawn(as_function(name, work));
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

/// Passes API Gateway's event to an HTTP function, through the same adapter as on Lambda.
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
    // API Gateway gets the answer from Lambda as JSON, so the answer becomes JSON here too.
    serde_json::to_value(response).and_then(serde_json::from_value::<ApiGatewayV2httpResponse>).ok()
}
