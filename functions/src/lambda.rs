//! Runs a function on Lambda. Every Lambda function is deployed with the same program, `bootstrap`. Its configured
//! handler names the function to serve.

use std::io::Write;
use std::process::ExitCode;

use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent};
use domain::time::Timestamp;
use futures::FutureExt;
use lambda_http::{Request, RequestExt};
use lambda_runtime::{Context, Error, LambdaEvent, service_fn};
use rules::settings::read_variable;
use serde_json::Value;
use tracing::{Instrument, Span};
use tracing_subscriber::EnvFilter;
use usecases::app::App;
use usecases::pipeline::QueueRecord;

use crate::function::{CommandHandler, Endpoint, Function, QueueHandler, ScheduleHandler, Trigger};
use crate::start_app::app_from_env;
use crate::{find_function, log_lines};

/// The environment variable in which Lambda passes the configured handler: here the name of a function.
const HANDLER_VARIABLE: &str = "_HANDLER";

/// Serves the function that the configured handler names.
#[must_use]
pub fn run_configured() -> ExitCode {
    let name = read_variable(HANDLER_VARIABLE).unwrap_or_default();
    match find_function::by_name(&name) {
        Some(function) => run(*function),
        None => {
            log_lines::write_json(EnvFilter::new("info"), std::io::stdout);
            tracing::error!("there is no function `{name}`: set the Lambda function's handler to the name of one");
            ExitCode::FAILURE
        }
    }
}

/// Starts `function` and serves its invocations until Lambda ends the process.
#[must_use]
pub fn run(function: Function) -> ExitCode {
    log_lines::write_json(EnvFilter::new("info"), std::io::stdout);
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
    let app = app_from_env().await?;
    if function.calls_customers {
        app.sender.prepare()?;
    }
    app.metrics.count_cold_start(function.name);
    match function.trigger {
        Trigger::Http(endpoint) => serve_http(&app, function.name, endpoint).await,
        Trigger::Queues(_, handler) => serve_queues(&app, function.name, handler).await,
        Trigger::Schedule(_, handler) => serve_schedule(&app, function.name, handler).await,
        Trigger::Command(handler) => serve_commands(&app, function.name, handler).await,
    }
}

async fn serve_http(app: &App, name: &str, endpoint: Endpoint) -> Result<(), Error> {
    let invoke = |request: Request| {
        let span = request.lambda_context_ref().map_or_else(Span::none, |context| invocation_span(name, context));
        let answer = async move { endpoint.answer(app, &request).await };
        metered(app, answer).map(Ok::<_, Error>).instrument(span)
    };
    lambda_http::run(service_fn(invoke)).await
}

async fn serve_queues(app: &App, name: &str, handler: QueueHandler) -> Result<(), Error> {
    let invoke = |event: LambdaEvent<SqsEvent>| {
        let span = invocation_span(name, &event.context);
        metered(app, invoke_queue(app, handler, event.payload)).map(Ok::<_, Error>).instrument(span)
    };
    lambda_runtime::run(service_fn(invoke)).await
}

async fn serve_schedule(app: &App, name: &str, handler: ScheduleHandler) -> Result<(), Error> {
    let invoke = |event: LambdaEvent<Value>| {
        let span = invocation_span(name, &event.context);
        metered(app, handler(app)).map(|done| done.map_err(Error::from)).instrument(span)
    };
    lambda_runtime::run(service_fn(invoke)).await
}

async fn serve_commands(app: &App, name: &str, handler: CommandHandler) -> Result<(), Error> {
    let invoke = |event: LambdaEvent<Value>| {
        let span = invocation_span(name, &event.context);
        metered(app, handler(app, event.payload)).instrument(span)
    };
    lambda_runtime::run(service_fn(invoke)).await
}

/// The span that every log line of an invocation carries.
fn invocation_span(function: &str, context: &Context) -> Span {
    tracing::info_span!("invocation", function, request_id = context.request_id)
}

/// Does the work of an invocation, and then prints its metrics. Lambda copies a function's output into its log.
async fn metered<T>(app: &App, work: impl Future<Output = T>) -> T {
    let result = work.await;
    let lines = app.metrics.lines(app.clock.now());
    if !lines.is_empty() {
        let written = writeln!(std::io::stdout().lock(), "{}", lines.join("\n"));
        written.unwrap_or_else(|error| tracing::warn!(%error, "metrics could not be written"));
    }
    result
}

/// Passes the messages of an SQS event to a queue's function. The answer lists the messages that SQS has to redeliver.
pub async fn invoke_queue(app: &App, handler: QueueHandler, event: SqsEvent) -> SqsBatchResponse {
    let mut response = SqsBatchResponse::default();
    for message_id in handler(app, &queue_records(event)).await {
        response.add_failure(message_id);
    }
    response
}

fn queue_records(event: SqsEvent) -> Vec<QueueRecord> {
    let records = event.records.into_iter().map(|record| {
        let number = |name: &str| record.attributes.get(name).and_then(|text| text.parse::<i64>().ok());
        QueueRecord {
            sent_at: number("SentTimestamp").map(Timestamp::from_millis),
            receive_count: number("ApproximateReceiveCount").and_then(|count| count.try_into().ok()).unwrap_or(1),
            message_id: record.message_id.unwrap_or_default(),
            body: record.body.unwrap_or_default(),
        }
    });
    records.collect()
}
