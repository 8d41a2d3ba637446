//! The pipeline's functions, invoked by hand: what needs another time than now, or a message that SQS would not give.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use anyhow::Result;
use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent};
use functions::app::App;
use functions::function::Handler;
use functions::pipeline;
use local::aws;
use local::stores::{Keep, Stores};
use local::template::Template;
use serde_json::{Value, json};
use shared::time::{Clock, Timestamp};

use crate::receiver::{Receiver, Step};
use crate::stack::{AGENT, Api, settings};

const NOW_MS: i64 = 1_795_000_000_000;

/// A function's surroundings with a clock that the test sets.
struct Bench {
    app: App,
    clock_ms: Arc<AtomicI64>,
    api: Api,
}

impl Bench {
    /// A stack whose own pollers find nothing to do, beside an app that shares its stores.
    async fn start() -> Result<Self> {
        let api = Api::start().await?;
        let config = aws::config(&api.stack.stores_url).await;
        let mut app = App::new(settings()?, &config, &config)?;
        // Long enough for the stack's own pollers never to see a retry of the test's.
        app.settings.retry_schedule = "15m,15m".parse()?;
        let clock_ms = Arc::new(AtomicI64::new(NOW_MS));
        let read = clock_ms.clone();
        app.clock = Clock::from_fn(move || Timestamp::from_millis(read.load(Ordering::Relaxed)));
        Ok(Self { app, clock_ms, api })
    }

    fn pass(&self, time: Duration) {
        self.clock_ms.fetch_add(i64::try_from(time.as_millis()).unwrap(), Ordering::Relaxed);
    }

    /// Invokes `deliver` with messages as they would come from SQS, each received `receives` times.
    async fn deliver(&self, messages: &[Value], receives: u32) -> Result<Vec<String>> {
        let records: Vec<Value> = messages
            .iter()
            .enumerate()
            .map(|(index, message)| {
                let body = message.as_str().map_or_else(|| message.to_string(), str::to_owned);
                json!({
                    "messageId": index.to_string(), "body": body,
                    "attributes": { "ApproximateReceiveCount": receives.to_string() },
                })
            })
            .collect();
        let event: SqsEvent = serde_json::from_value(json!({ "Records": records }))?;
        let Handler::Sqs(deliver) = pipeline::deliver::FUNCTION.handler else { panic!("deliver is behind a queue") };
        let answer: SqsBatchResponse = deliver(&self.app, event).await;
        Ok(answer.batch_item_failures.into_iter().map(|failure| failure.item_identifier).collect())
    }
}

/// A delivery of the demo project's agent webhook, due at `due_ms`.
fn message(webhook_id: &Value, due_ms: i64) -> Value {
    json!({
        "v": 1,
        "key": {
            "scope": { "project": "demo", "environment": "test" }, "webhook_id": webhook_id, "shard": 0,
            "created_at": NOW_MS, "id": "del_1",
        },
        "webhook": { "id": webhook_id, "owner": { "agent": AGENT }, "place": "slot" },
        "event_id": "evt_1", "event_type": "agent.message", "attempt": 1, "due_at": due_ms,
        "scheme": "timestamped_hex", "headers": [], "body": { "n": 1 },
    })
}

#[tokio::test]
async fn a_wait_over_fifteen_minutes_goes_in_hops_and_an_early_message_is_never_sent() -> Result<()> {
    let (bench, receiver) = (Bench::start().await?, Receiver::start(&[]).await?);
    let webhook = bench.api.set_webhook(AGENT, &receiver.url("/")).await?;
    let message = message(&webhook["id"], NOW_MS + 40 * 60_000);
    for hop in 1..=3 {
        assert_eq!(bench.deliver(std::slice::from_ref(&message), 1).await?, [] as [String; 0]);
        // Put back with a delay, so that the stack's own poller does not see it.
        assert_eq!(bench.api.queue_length("RetriesQueue").await?, hop);
        assert_eq!(receiver.received().len(), 0);
        bench.pass(Duration::from_secs(900));
    }
    bench.deliver(&[message], 1).await?;
    assert_eq!(receiver.received().len(), 1, "it was due after 40 of 45 minutes");
    Ok(())
}

#[tokio::test]
async fn a_message_that_cannot_be_read_is_reported_and_the_others_are_worked() -> Result<()> {
    let (bench, receiver) = (Bench::start().await?, Receiver::start(&[]).await?);
    let webhook = bench.api.set_webhook(AGENT, &receiver.url("/")).await?;
    let good = message(&webhook["id"], NOW_MS);
    let mut newer = good.clone();
    newer["v"] = json!(2);
    let failures = bench.deliver(&[json!("no JSON"), good, newer, json!({})], 1).await?;
    assert_eq!(failures, ["0", "2", "3"]);
    assert_eq!(receiver.received().len(), 1);
    Ok(())
}

#[tokio::test]
async fn an_attempt_that_was_logged_before_the_function_died_is_not_made_again_but_its_retry_is_queued() -> Result<()> {
    let (bench, receiver) = (Bench::start().await?, Receiver::start(&[Step::Status(500)]).await?);
    let webhook = bench.api.set_webhook(AGENT, &receiver.url("/")).await?;
    let message = message(&webhook["id"], NOW_MS);
    bench.deliver(std::slice::from_ref(&message), 1).await?;
    assert_eq!((receiver.received().len(), bench.api.queue_length("RetriesQueue").await?), (1, 1));
    // SQS shows the message again because the function died before it answered.
    bench.deliver(std::slice::from_ref(&message), 2).await?;
    assert_eq!((receiver.received().len(), bench.api.queue_length("RetriesQueue").await?), (1, 2));
    Ok(())
}

#[tokio::test]
async fn of_two_copies_of_a_message_one_goes_on() -> Result<()> {
    let (bench, receiver) = (Bench::start().await?, Receiver::start(&[const { Step::Status(500) }; 2]).await?);
    let webhook = bench.api.set_webhook(AGENT, &receiver.url("/")).await?;
    let message = message(&webhook["id"], NOW_MS);
    bench.deliver(std::slice::from_ref(&message), 1).await?;
    bench.deliver(std::slice::from_ref(&message), 1).await?;
    assert_eq!(receiver.received().len(), 2, "at least once");
    assert_eq!(bench.api.queue_length("RetriesQueue").await?, 1, "but one chain of retries");
    Ok(())
}

#[tokio::test]
async fn sweep_queues_what_is_overdue_once() -> Result<()> {
    let (bench, receiver) = (Bench::start().await?, Receiver::start(&[Step::Status(500)]).await?);
    let webhook = bench.api.set_webhook(AGENT, &receiver.url("/")).await?;
    bench.deliver(&[message(&webhook["id"], NOW_MS)], 1).await?;
    let Handler::Schedule(sweep) = pipeline::sweep::FUNCTION.handler else { panic!("sweep is behind a schedule") };
    sweep(&bench.app).await?;
    bench.pass(Duration::from_secs((15 + 19) * 60));
    sweep(&bench.app).await?;
    assert_eq!(bench.api.queue_length("RetriesQueue").await?, 1, "not overdue yet: the retry alone waits");
    bench.pass(Duration::from_secs(2 * 60));
    sweep(&bench.app).await?;
    sweep(&bench.app).await?;
    let logged = bench.api.delivery_with_status(AGENT, "success").await?;
    assert_eq!(logged["attemptCount"], 2);
    assert_eq!(receiver.received().len(), 2);
    assert_eq!(bench.api.queue_length("RetriesQueue").await?, 1, "the second sweep sent nothing");
    Ok(())
}

#[tokio::test]
async fn the_embedded_stores_have_what_the_template_lists() -> Result<()> {
    let stores = Stores::start(&Keep::InMemory, 0).await?;
    let stack = Api::on(&local::stack::StoresAt::Url(stores.url.clone()), &[]).await?;
    let config = aws::config(&stores.url).await;
    let tables = aws_sdk_dynamodb::Client::new(&config).list_tables().send().await?.table_names.unwrap_or_default();
    let template = Template::built_in()?;
    assert_eq!(tables, template.tables.keys().cloned().collect::<Vec<_>>());
    let queues = aws_sdk_sqs::Client::new(&config).list_queues().send().await?.queue_urls.unwrap_or_default();
    assert_eq!(queues.len(), template.queues.len());
    stack.stack.stop().await;
    stores.stop().await;
    Ok(())
}
