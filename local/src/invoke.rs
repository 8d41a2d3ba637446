//! Invoking a function as Lambda does: for at most its timeout, and with a panic contained in the invocation.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use aws_lambda_events::event::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use functions::app::App;
use functions::function::HttpHandler;
use lambda_http::request::LambdaRequest;
use lambda_http::{Adapter, Context, LambdaEvent, Service, service_fn};
use tracing::Instrument;

tokio::task_local! {
    static FUNCTION: String;
}

/// The function that is running here, if one is: for who stands in its calls.
#[must_use]
pub fn running() -> Option<String> {
    FUNCTION.try_with(Clone::clone).ok()
}

/// Does `work` in the name of a function: Lambda polls its queues with the function's permissions.
pub(crate) async fn in_the_name_of<T>(name: &str, work: impl Future<Output = T>) -> T {
    FUNCTION.scope(name.to_owned(), work).await
}

/// Runs `work` for the function called `name`. `None` where it panicked or its time was up.
pub async fn contained<T: Send + 'static>(
    name: &str,
    timeout: Duration,
    work: impl Future<Output = T> + Send + 'static,
) -> Option<T> {
    let work = FUNCTION.scope(name.to_owned(), work);
    let mut task = tokio::spawn(work.instrument(tracing::info_span!("invocation", function = name)));
    match tokio::time::timeout(timeout, &mut task).await {
        Ok(Ok(result)) => Some(result),
        Ok(Err(error)) => {
            tracing::error!(function = name, %error, "a function panicked");
            None
        }
        Err(_) => {
            task.abort();
            tracing::error!(function = name, duration_ms = timeout.as_secs() * 1000, "a function ran out of time");
            None
        }
    }
}

/// Hands API Gateway's event to an HTTP function, through the same adapter as on Lambda.
pub(crate) async fn http(
    app: Arc<App>,
    handler: HttpHandler,
    event: ApiGatewayV2httpRequest,
) -> Option<ApiGatewayV2httpResponse> {
    let mut adapter = Adapter::from(service_fn(move |request| {
        let app = app.clone();
        async move { Ok::<_, Infallible>(handler(&app, request).await) }
    }));
    let event = LambdaEvent::new(LambdaRequest::ApiGatewayV2(event), Context::default());
    let Ok(response) = adapter.call(event).await;
    // What Lambda gives to API Gateway is JSON, and so is what it is read from here.
    serde_json::to_value(response).and_then(serde_json::from_value::<ApiGatewayV2httpResponse>).ok()
}
