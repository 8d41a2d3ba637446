//! Telemetry for operators: a trace that follows an event to its receiver, and the log.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::Path;

use anyhow::{Context, Result};
use functions::log_lines::FIELDS;
use http::Method;
use serde_json::{Value, json};

use crate::process::Process;
use crate::receiver::{Receiver, Step};
use crate::stack::{AGENT, Api, Client};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const TRACEPARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// Publishes an event under a trace, and returns its id.
async fn publish(client: &Client, traceparent: &str, body: &Value) -> Result<String> {
    let headers = [("traceparent", traceparent)];
    let answer = client.send_with(Method::POST, "/v1/events", body.to_string(), &headers).await?;
    assert_eq!(answer.status, 202, "{}", answer.body);
    Ok(answer.body["id"].as_str().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn a_trace_goes_from_publishing_to_every_attempt() -> Result<()> {
    let (api, receiver) = (Api::start().await?, Receiver::start(&[Step::Status(500), Step::Status(503)]).await?);
    api.set_webhook(AGENT, &receiver.url("/")).await?;
    publish(&api, TRACEPARENT, &json!({ "type": "call.completed", "agent_id": AGENT, "data": {} })).await?;
    for received in receiver.wait_for(3).await? {
        assert_eq!(received.header("traceparent"), TRACEPARENT);
    }
    Ok(())
}

#[tokio::test]
async fn the_events_of_a_batch_and_of_a_message_straight_to_the_queue_have_their_trace_too() -> Result<()> {
    let (api, receiver) = (Api::start().await?, Receiver::start(&[]).await?);
    api.set_webhook(AGENT, &receiver.url("/")).await?;
    let event = json!({ "type": "call.completed", "agent_id": AGENT, "data": {} });
    let with_client_id = json!({ "type": "call.completed", "agent_id": AGENT, "data": {}, "id": "order-1" });
    publish(&api, TRACEPARENT, &json!({ "events": [event, with_client_id] })).await?;
    let tenant = json!({ "project": "demo", "environment": "test" });
    let message = json!({ "v": 1, "scope": tenant, "traceparent": TRACEPARENT, "events": [event] });
    api.enqueue("EventsQueue", &message.to_string()).await?;
    let traces: Vec<_> = receiver.wait_for(3).await?.iter().map(|one| one.header("traceparent").to_owned()).collect();
    assert_eq!(traces, [TRACEPARENT; 3]);
    Ok(())
}

#[tokio::test]
async fn a_call_without_a_trace_gets_none() -> Result<()> {
    let (api, receiver) = (Api::start().await?, Receiver::start(&[]).await?);
    api.set_webhook(AGENT, &receiver.url("/")).await?;
    let event = json!({ "type": "call.completed", "agent_id": AGENT, "data": {} });
    api.publish(&event).await?;
    publish(&api, "00-nothing-of-the-kind-01", &event).await?;
    let tenant = json!({ "project": "demo", "environment": "test" });
    let message = json!({ "v": 1, "scope": tenant, "traceparent": "none", "events": [event] });
    api.enqueue("EventsQueue", &message.to_string()).await?;
    for received in receiver.wait_for(3).await? {
        assert!(!received.headers.contains_key("traceparent"), "{:?}", received.headers);
    }
    Ok(())
}

/// Publishes an event that fails twice, on a stack with `LOG_SUCCESSES` set to `successes`. Returns the event's id, and
/// the lines of the log.
async fn log_of_two_failures(folder: &Path, successes: &str) -> Result<(String, Vec<Value>)> {
    let path = folder.join(successes);
    let environment =
        [("LOG_FORMAT", "json"), ("LOG_SUCCESSES", successes), ("RETRY_SCHEDULE", "1s,1s"), ("RETRY_JITTER", "0")];
    let process = Process::spawn_logging_to(File::create(&path)?, "0", &["--in-memory"], &environment).await?;
    let (client, receiver) = (&process.client, Receiver::start(&[500, 503, 200, 410].map(Step::Status)).await?);
    client.set_webhook(AGENT, &receiver.url("/")).await?;
    let event = json!({ "type": "call.completed", "agent_id": AGENT, "data": {} });
    let id = publish(client, TRACEPARENT, &event).await?;
    client.delivery_with_status(AGENT, "success").await?;
    // The last log line of this event comes after all log lines of the first event.
    client.publish(&event).await?;
    let log = process.logs(&path, "a webhook was disabled").await?;
    process.kill().await?;
    let lines = log.lines().map(|line| serde_json::from_str(line).with_context(|| line.to_owned()));
    Ok((id, lines.collect::<Result<_>>()?))
}

#[tokio::test]
async fn the_log_has_a_line_for_each_attempt_that_failed_and_its_fields_have_one_name() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (event, lines) = log_of_two_failures(folder.path(), "1").await?;
    let of_event: Vec<&Value> = lines.iter().filter(|line| line["event_id"] == event.as_str()).collect();
    let mut logged: Vec<(&str, &str, &Value, &Value)> = of_event
        .iter()
        .map(|line| {
            let (message, function) = (line["message"].as_str(), line["span"]["function"].as_str());
            (message.unwrap(), function.unwrap(), &line["attempt"], &line["http_status"])
        })
        .collect();
    // Two functions may log at the same time, but the attempts of one delivery are logged in turn.
    logged.sort_by_key(|(_, function, ..)| *function != "pipeline-publish-events" && *function != "pipeline-fan-out");
    logged[..2].sort_unstable_by_key(|(message, ..)| *message);
    let expected = [
        ("an event was accepted", "pipeline-publish-events", &Value::Null, &Value::Null),
        ("an event was dispatched", "pipeline-publish-events", &Value::Null, &Value::Null),
        ("an attempt failed", "pipeline-deliver", &json!(1), &json!(500)),
        ("an attempt failed", "pipeline-deliver", &json!(2), &json!(503)),
        ("an event was delivered", "pipeline-deliver", &json!(3), &json!(200)),
    ];
    assert_eq!(logged, expected);
    assert!(of_event.iter().all(|line| line["trace_id"] == TRACE), "{of_event:?}");
    assert!(of_event.iter().all(|line| line["event_type"] == "call.completed"), "{of_event:?}");
    let delivered = of_event.iter().find(|line| line["message"] == "an event was delivered").unwrap();
    for field in ["delivery_id", "webhook_id", "dialect", "event_type", "duration_ms", "latency_ms"] {
        assert!(!delivered[field].is_null(), "{field}: {delivered}");
    }
    let known: BTreeSet<&str> =
        FIELDS.into_iter().chain(["timestamp", "level", "target", "message", "span", "name"]).collect();
    for line in &lines {
        let in_span = line["span"].as_object().into_iter().flatten();
        for (field, _) in line.as_object().unwrap().iter().chain(in_span) {
            assert!(known.contains(field.as_str()), "{field} is not among the declared fields: {line}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn successes_are_logged_as_often_as_is_set_and_failures_always() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (event, lines) = log_of_two_failures(folder.path(), "0").await?;
    let of_event = lines.iter().filter(|line| line["event_id"] == event.as_str());
    let messages: Vec<_> = of_event.map(|line| line["message"].as_str().unwrap()).collect();
    assert_eq!(messages, ["an attempt failed", "an attempt failed"]);
    Ok(())
}
