//! Invokes functions in a simulation: without a gateway and pollers, and at a time that the simulation sets.

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use aws_lambda_events::event::sqs::SqsEvent;
use functions::function::{Function, Trigger};
use functions::lambda::invoke_queue;
use local::demo::TEST_KEY;
use local::invoke;
use serde_json::{Value, json};
use usecases::app::App;

use crate::sent::Sent;

/// Events in a request, and messages in a batch.
pub(crate) const BATCH: usize = 10;

/// The longest that an invocation may take here.
const PATIENCE: Duration = Duration::from_secs(60);

/// Invokes a function with a request's body, or with a batch of messages. Fails if the function does.
pub(crate) async fn invoke_with(app: &App, function: Function, input: Value) -> Result<()> {
    let app = app.clone();
    let work = async move {
        match function.trigger {
            Trigger::Http(endpoint) => {
                let request = http::Request::post("/v1/events").header("authorization", format!("Bearer {TEST_KEY}"));
                let answer = endpoint.answer(&app, &request.body(input.to_string().into())?).await;
                ensure!(answer.status().is_success(), "publishing was refused: {}", answer.status());
            }
            Trigger::Queues(_, handler) => {
                let event: SqsEvent = serde_json::from_value(input)?;
                let failures = invoke_queue(&app, handler, event).await.batch_item_failures;
                ensure!(failures.is_empty(), "a message failed");
            }
            Trigger::Schedule(_, handler) => handler(&app).await?,
            Trigger::Command(_) => bail!("a command is not simulated"),
        }
        Ok(())
    };
    invoke::run_invocation(function.name, PATIENCE, work).await.context("the invocation ended early")?
}

/// Full batches of messages, in the form in which Lambda's pollers pass them to a function.
pub(crate) fn batches(messages: Vec<Sent>) -> Vec<Value> {
    let record = |(number, sent): (usize, &Sent)| {
        json!({
            "messageId": number.to_string(), "body": sent.body,
            "attributes": { "ApproximateReceiveCount": "1" },
        })
    };
    let batch = |batch: &[Sent]| json!({ "Records": batch.iter().enumerate().map(record).collect::<Vec<_>>() });
    messages.chunks(BATCH).map(batch).collect()
}
