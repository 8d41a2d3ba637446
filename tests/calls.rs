//! Counts the calls to AWS that each function makes for a batch of ten deliveries. With one call more, a test fails.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use aws_lambda_events::event::sqs::SqsEvent;
use domain::{AgentId, Owner};
use functions::function::Trigger;
use functions::lambda::invoke_queue;
use functions::pipeline;
use local::invoke;
use local::stack::StoresAt;
use local::stores::{DataLocation, Stores};
use serde_json::{Value, json};
use usecases::app::App;

use crate::faults::Faults;
use crate::receiver::Receiver;
use crate::stack::{AGENT, Api, OTHER_AGENT, PATIENCE};

const BATCH: usize = 10;

/// Invokes a function of the pipeline with a batch.
async fn invoke_with(app: &App, name: &'static str, records: &[Value]) -> Result<()> {
    let function = if name == "pipeline-deliver" { pipeline::deliver::FUNCTION } else { pipeline::fan_out::FUNCTION };
    let Trigger::Queues(_, handler) = function.trigger else { anyhow::bail!("it has a queue") };
    let (app, event): (_, SqsEvent) = (app.clone(), serde_json::from_value(json!({ "Records": records }))?);
    let answer = invoke::run_invocation(name, PATIENCE, async move { invoke_queue(&app, handler, event).await }).await;
    let failures = answer.context("it ended")?.batch_item_failures;
    assert!(failures.is_empty(), "{failures:?}");
    Ok(())
}

fn sqs_records(bodies: impl Iterator<Item = Value>) -> Vec<Value> {
    let record = |(number, body): (usize, Value)| {
        json!({
            "messageId": number.to_string(), "body": body.to_string(),
            "attributes": { "ApproximateReceiveCount": "1", "SentTimestamp": "1795232872000" },
        })
    };
    bodies.enumerate().map(record).collect()
}

/// The calls of one function by name, since `before` was last updated.
fn calls_of(faults: &Faults, function: &str, before: &mut BTreeMap<String, usize>) -> Vec<(String, usize)> {
    let all: BTreeMap<String, usize> = faults
        .seen()
        .into_iter()
        .filter(|((name, _), _)| name == function)
        .map(|((_, call), times)| (call, times))
        .collect();
    let new = all.iter().map(|(call, times)| (call.clone(), times - before.get(call).unwrap_or(&0)));
    let new = new.filter(|(_, times)| *times > 0).collect();
    *before = all;
    new
}

/// Removes the writes, whose number depends on how long the endpoint delays the last of ten answers.
fn without_writes(mut calls: Vec<(String, usize)>) -> Vec<(String, usize)> {
    let writes = calls.extract_if(.., |(call, _)| call == "BatchWriteItem").map(|(_, times)| times).sum::<usize>();
    assert!((1..=2).contains(&writes), "{writes} writes for ten deliveries");
    calls
}

fn call_counts(calls: &[(&str, usize)]) -> Vec<(String, usize)> {
    calls.iter().map(|(call, times)| ((*call).to_owned(), *times)).collect()
}

#[tokio::test]
async fn ten_deliveries_take_no_more_calls_than_listed_here() -> Result<()> {
    let (stores, faults) = (Stores::start(&DataLocation::Memory, 0).await?, Faults::default());
    let (standing, url) = (faults.clone(), stores.url.clone());
    let api = Api::changed_async(&StoresAt::Url(url.clone()), &[("SWEEP_AFTER", "3650d")], async |app: &mut App| {
        standing.stand_in(app, &url).await;
    })
    .await?;
    let receiver = Receiver::start(&[]).await?;
    let webhook = api.set_webhook(AGENT, &receiver.url("/")).await?;
    api.set_webhook(OTHER_AGENT, &receiver.url("/")).await?;

    let event_of = |agent: &str, n: usize| json!({ "type": "call.completed", "agent_id": agent, "data": { "n": n } });
    let event = |n: usize| event_of(AGENT, n);
    let events: Vec<Value> = (0..BATCH).map(event).collect();
    let mut published = BTreeMap::new();
    assert_eq!(api.post("/v1/events", &json!({ "events": events })).await?.status, 202);
    let calls = calls_of(&faults, "pipeline-publish-events", &mut published);
    assert_eq!(
        calls,
        call_counts(&[("Query", 2), ("SendMessageBatch", 1), ("UpdateItem", 1)]),
        "publishing ten in one request, with a key known by then: it dispatches and stores them"
    );
    api.idle().await?;

    let [shared_tenant, _] = local::demo::tenants();
    let tenant = json!(shared_tenant);
    let mut fanned_out = BTreeMap::new();
    calls_of(&faults, "pipeline-fan-out", &mut fanned_out);
    let messages = (0..BATCH).map(|n| json!({ "v": 1, "scope": tenant, "events": [event(n)] }));
    invoke_with(&api.app, "pipeline-fan-out", &sqs_records(messages)).await?;
    let calls = calls_of(&faults, "pipeline-fan-out", &mut fanned_out);
    let stored_apart = call_counts(&[("Query", 2), ("SendMessageBatch", 1), ("UpdateItem", BATCH)]);
    assert_eq!(calls, stored_apart, "fanning out ten events of one agent, each in a message of its own");
    let five: Vec<Value> = (0..BATCH / 2).map(|n| event_of(OTHER_AGENT, n)).collect();
    let messages = (0..2).map(|_| json!({ "v": 1, "scope": tenant, "events": five }));
    invoke_with(&api.app, "pipeline-fan-out", &sqs_records(messages)).await?;
    let calls = calls_of(&faults, "pipeline-fan-out", &mut fanned_out);
    let stored_in_packs = call_counts(&[("Query", 2), ("SendMessageBatch", 1), ("UpdateItem", 2)]);
    assert_eq!(calls, stored_in_packs, "fanning out ten events of two messages");
    api.idle().await?;

    let (mut delivered, id) = (BTreeMap::new(), &webhook["id"]);
    calls_of(&faults, "pipeline-deliver", &mut delivered);
    let message = |n: usize| {
        json!({
            "v": 1,
            "key": { "scope": tenant, "webhook_id": id, "shard": 0, "created_at": 0, "id": format!("del_{n}") },
            "webhook": { "id": id, "owner": { "agent": AGENT }, "place": "slot" },
            "event_id": "evt_1", "event_type": "agent.message", "attempt": 1, "due_at": 0,
            "scheme": "standard", "headers": [], "body": { "n": n },
        })
    };
    let requests = ("HTTP", BATCH);
    invoke_with(&api.app, "pipeline-deliver", &sqs_records((0..BATCH).map(message))).await?;
    let calls = without_writes(calls_of(&faults, "pipeline-deliver", &mut delivered));
    assert_eq!(calls, call_counts(&[("BatchGetItem", 1), requests]), "delivering ten");
    let agent = Owner::Agent(AgentId::parse(AGENT)?);
    let stored = api.app.store.owned(&shared_tenant, &agent).await?.primary_webhook().context("set")?;
    let snapshot = api.app.store.snapshot(&shared_tenant, &stored)?;
    let fanned_out_now = |n: usize| {
        let mut message = message(n);
        message["as_read"] = json!({ "at": api.app.clock.now(), "updated_at": stored.updated_at, "webhook": snapshot });
        message
    };
    invoke_with(&api.app, "pipeline-deliver", &sqs_records((BATCH..2 * BATCH).map(fanned_out_now))).await?;
    let calls = without_writes(calls_of(&faults, "pipeline-deliver", &mut delivered));
    assert_eq!(calls, call_counts(&[requests]), "the webhook was read a moment ago");
    Ok(())
}
