//! Running one function as a Lambda: what every binary in `src/bin` does.

use std::io::Write;
use std::process::ExitCode;

use aws_lambda_events::event::sqs::SqsEvent;
use futures::FutureExt;
use lambda_http::{Request, RequestExt};
use lambda_runtime::{Context, Error, LambdaEvent, service_fn};
use serde_json::Value;
use tracing::{Instrument, Span};
use tracing_subscriber::EnvFilter;

use crate::app::App;
use crate::function::{Function, Handler};
use crate::log;

/// Starts `function` and serves its invocations until Lambda ends the process.
#[must_use]
pub fn run(function: Function) -> ExitCode {
    log::write_json(EnvFilter::new("info"), std::io::stdout);
    let result = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Error::from)
        .and_then(|runtime| runtime.block_on(serve(function)));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _span = tracing::error_span!("start", function = function.name).entered();
            tracing::error!(error = &*error, "the function cannot start");
            ExitCode::FAILURE
        }
    }
}

async fn serve(function: Function) -> Result<(), Error> {
    let app = App::from_env().await?;
    if function.calls_customers {
        app.sender.prepare()?;
    }
    app.metrics.started(function.name);
    let app = &app;
    let span = |context: &Context| {
        let request_id = &context.request_id;
        tracing::info_span!("invocation", function = function.name, request_id)
    };
    match function.handler {
        Handler::Http(handle) => {
            let invoke = |request: Request| {
                let span = request.lambda_context_ref().map_or_else(Span::none, span);
                metered(app, handle(app, request)).map(Ok::<_, Error>).instrument(span)
            };
            lambda_http::run(service_fn(invoke)).await
        }
        Handler::Sqs(handle) => {
            let invoke = |event: LambdaEvent<SqsEvent>| {
                metered(app, handle(app, event.payload)).map(Ok::<_, Error>).instrument(span(&event.context))
            };
            lambda_runtime::run(service_fn(invoke)).await
        }
        Handler::Schedule(handle) => {
            let invoke = |event: LambdaEvent<Value>| {
                metered(app, handle(app)).map(|done| done.map_err(Error::from)).instrument(span(&event.context))
            };
            lambda_runtime::run(service_fn(invoke)).await
        }
        Handler::Command(handle) => {
            let invoke = |event: LambdaEvent<Value>| {
                let span = span(&event.context);
                metered(app, handle(app, event.payload)).instrument(span)
            };
            lambda_runtime::run(service_fn(invoke)).await
        }
    }
}

/// Does an invocation's work, and then writes what it counted: Lambda takes what a function prints into its log.
async fn metered<T>(app: &App, work: impl Future<Output = T>) -> T {
    let result = work.await;
    let lines = app.metrics.lines(app.clock.now());
    if !lines.is_empty() {
        let written = writeln!(std::io::stdout().lock(), "{}", lines.join("\n"));
        written.unwrap_or_else(|error| tracing::warn!(%error, "metrics could not be written"));
    }
    result
}
