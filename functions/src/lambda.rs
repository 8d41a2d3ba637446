//! Running one function as a Lambda: what every binary in `src/bin` does.

use std::process::ExitCode;

use aws_lambda_events::event::sqs::SqsEvent;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::Value;
use tracing::Instrument;

use crate::app::App;
use crate::function::{Function, Handler};

/// Starts `function` and serves its invocations until Lambda ends the process.
#[must_use]
pub fn run(function: Function) -> ExitCode {
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_span_list(false)
        .without_time()
        .with_max_level(tracing::Level::INFO)
        .init();
    let result = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Error::from)
        .and_then(|runtime| runtime.block_on(serve(function)));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(function = function.name, %error, "the function cannot start");
            ExitCode::FAILURE
        }
    }
}

async fn serve(function: Function) -> Result<(), Error> {
    let app = App::from_env().await?;
    if function.calls_customers {
        app.sender.prepare()?;
    }
    let app = &app;
    let span = || tracing::info_span!("invocation", function = function.name);
    match function.handler {
        Handler::Http(handle) => {
            let invoke = |request| async move { Ok::<_, Error>(handle(app, request).await) }.instrument(span());
            lambda_http::run(service_fn(invoke)).await
        }
        Handler::Sqs(handle) => {
            let invoke = |event: LambdaEvent<SqsEvent>| {
                async move { Ok::<_, Error>(handle(app, event.payload).await) }.instrument(span())
            };
            lambda_runtime::run(service_fn(invoke)).await
        }
        Handler::Schedule(handle) => {
            let invoke =
                |_: LambdaEvent<Value>| async move { handle(app).await.map_err(Error::from) }.instrument(span());
            lambda_runtime::run(service_fn(invoke)).await
        }
        Handler::Command(handle) => {
            let invoke = |event: LambdaEvent<Value>| async move { handle(app, event.payload).await }.instrument(span());
            lambda_runtime::run(service_fn(invoke)).await
        }
    }
}
