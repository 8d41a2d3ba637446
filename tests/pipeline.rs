//! Invokes the pipeline's functions directly, for tests that need another time, or a message that SQS would not give.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use anyhow::Result;
use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent};
use aws_sdk_dynamodb::Client as DynamoDb;
use aws_sdk_sqs::Client as Sqs;
use clients::store::waiting::WaitingShard;
use domain::time::{Clock, Timestamp};
use functions::dialects::DIALECTS;
use functions::function::Trigger;
use functions::lambda::invoke_queue;
use functions::pipeline;
use local::aws;
use local::stores::{DataLocation, Stores};
use local::template::Template;
use serde_json::{Value, json};
use usecases::app::App;
use usecases::ttl_cache::TtlCache;

use crate::receiver::{Receiver, Step};
use crate::stack::{AGENT, Api, test_settings};

/// An `App` with a clock that the test sets, beside a running stack.
struct Bench {
    app: App,
    clock_ms: Arc<AtomicI64>,
    /// The clock starts an hour ago, so that a message due by this clock is due for the stack's own pollers too.
    start_ms: i64,
    api: Api,
}

impl Bench {
    /// Starts a stack whose own functions find nothing to do, and an app that shares its stores.
    async fn start() -> Result<Self> {
        let api = Api::unswept().await?;
        let config = aws::config(&api.stack.stores_url).await;
        let mut app = App::new(test_settings()?, DIALECTS, DynamoDb::new(&config), Sqs::new(&config));
        // Long enough that the stack's own pollers never see a retry of the test.
        app.settings.retry_schedule = "15m,15m".parse()?;
        let start_ms = app.clock.now().millis() - 3_600_000;
        let clock_ms = Arc::new(AtomicI64::new(start_ms));
        let read = clock_ms.clone();
        app.clock = Clock::from_fn(move || Timestamp::from_millis(read.load(Ordering::Relaxed)));
        Ok(Self { app, clock_ms, start_ms, api })
    }

    /// The message of an attempt for the webhook of the demo project's agent, due `after` the start.
    fn delivery_message(&self, webhook: &Value, attempt: u32, after: Duration) -> Value {
        json!({
            "v": 1,
            "key": {
                "scope": { "project": "demo", "environment": "test" }, "webhook_id": webhook["id"], "shard": 0,
                "created_at": self.start_ms, "id": "del_1",
            },
            "webhook": { "id": webhook["id"], "owner": { "agent": AGENT }, "place": "slot" },
            "event_id": "evt_1", "event_type": "agent.message", "attempt": attempt,
            "due_at": self.start_ms + i64::try_from(after.as_millis()).unwrap(),
            "scheme": "timestamped_hex", "headers": [], "body": { "n": 1 },
        })
    }

    fn pass(&self, time: Duration) {
        self.clock_ms.fetch_add(i64::try_from(time.as_millis()).unwrap(), Ordering::Relaxed);
    }

    /// Invokes `sweep`, and then `run_task` for each shard that has something to release. The tasks that `sweep` queues
    /// reach the stack's own functions, whose clock shows a later time.
    async fn sweep_and_release(&self) -> Result<()> {
        let (Trigger::Schedule(_, sweep), Trigger::Queues(_, run_task)) =
            (pipeline::sweep::FUNCTION.trigger, pipeline::run_task::FUNCTION.trigger)
        else {
            panic!("sweep is behind a schedule, and run_task behind a queue")
        };
        sweep(&self.app).await?;
        for shard in WaitingShard::all() {
            let body = json!({ "v": 1, "task": { "release": { "shard": shard } } }).to_string();
            let event: SqsEvent = serde_json::from_value(json!({ "Records": [{ "messageId": "1", "body": body }] }))?;
            assert!(invoke_queue(&self.app, run_task, event).await.batch_item_failures.is_empty());
        }
        Ok(())
    }

    /// Invokes `deliver` with messages as SQS would give them, each received `receives` times. Returns the failed ids.
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
        let Trigger::Queues(_, deliver) = pipeline::deliver::FUNCTION.trigger else {
            panic!("deliver is behind a queue")
        };
        let answer: SqsBatchResponse = invoke_queue(&self.app, deliver, event).await;
        Ok(answer.batch_item_failures.into_iter().map(|failure| failure.item_identifier).collect())
    }
}

#[tokio::test]
async fn a_message_that_is_early_is_never_sent_even_if_the_log_lacks_its_delivery() -> Result<()> {
    let (bench, receiver) = (Bench::start().await?, Receiver::start(&[]).await?);
    let webhook = bench.api.set_webhook(AGENT, &receiver.url("/")).await?;
    let message = bench.delivery_message(&webhook, 2, Duration::from_secs(40 * 60));
    for hop in 1..=3 {
        assert_eq!(bench.deliver(std::slice::from_ref(&message), 1).await?, [] as [String; 0]);
        // Requeued with a delay, so that the stack's own poller does not see the message.
        assert_eq!(bench.api.queue_length("RetriesQueue").await?, hop);
        assert_eq!(receiver.received().len(), 0);
        bench.pass(Duration::from_secs(900));
    }
    bench.deliver(&[message], 1).await?;
    assert_eq!(receiver.received().len(), 1, "it was due after 40 of 45 minutes");
    Ok(())
}

#[tokio::test]
async fn a_wait_over_fifteen_minutes_is_spent_in_the_table_and_costs_no_message_until_it_is_near() -> Result<()> {
    let (mut bench, receiver) = (Bench::start().await?, Receiver::start(&[Step::Status(500)]).await?);
    bench.app.settings.retry_schedule = "5h".parse()?;
    let webhook = bench.api.set_webhook(AGENT, &receiver.url("/")).await?;
    bench.deliver(&[bench.delivery_message(&webhook, 1, Duration::ZERO)], 1).await?;
    assert_eq!(receiver.received().len(), 1);
    for minutes in [0, 60, 224] {
        bench.pass(Duration::from_secs(minutes * 60));
        bench.sweep_and_release().await?;
        assert_eq!(bench.api.queue_length("RetriesQueue").await?, 0, "nothing waits in the queue");
    }
    bench.pass(Duration::from_secs(3 * 60));
    bench.sweep_and_release().await?;
    bench.sweep_and_release().await?;
    assert_eq!(
        bench.api.queue_length("RetriesQueue").await?,
        1,
        "it is queued once, with the rest of its wait as a delay"
    );
    let early = bench.delivery_message(&webhook, 2, Duration::from_secs(5 * 60 * 60));
    bench.deliver(&[early], 1).await?;
    assert_eq!(receiver.received().len(), 1, "an early message is not sent");
    Ok(())
}

#[tokio::test]
async fn a_first_attempt_uses_the_webhook_snapshot_for_a_second_and_then_the_stored_webhook() -> Result<()> {
    let (mut bench, receiver) = (Bench::start().await?, Receiver::start(&[Step::Status(500)]).await?);
    bench.api.set_webhook(AGENT, &receiver.url("/before")).await?;
    let [tenant, _] = local::demo::tenants();
    let stored = bench.app.store.primary_webhooks(&tenant).await?.pop().unwrap();
    let snapshot = json!({
        "at": bench.app.clock.now(), "updated_at": stored.updated_at, "webhook": bench.app.store.snapshot(&tenant, &stored)?,
    });
    let webhook = bench.api.set_webhook(AGENT, &receiver.url("/now")).await?;
    let deliver = async |bench: &Bench, id: &str, attempt: u32| {
        let mut message = bench.delivery_message(&webhook, attempt, Duration::ZERO);
        message["key"]["id"] = json!(id);
        message["as_read"] = snapshot.clone();
        bench.deliver(&[message], 1).await
    };
    deliver(&bench, "del_1", 1).await?;
    deliver(&bench, "del_1", 2).await?;
    // An empty cache, as in another process.
    bench.app.webhook_cache = TtlCache::new(Duration::from_secs(1));
    bench.pass(Duration::from_secs(1));
    deliver(&bench, "del_2", 1).await?;
    let paths: Vec<String> = receiver.received().into_iter().map(|received| received.path).collect();
    assert_eq!(paths, ["/before", "/now", "/now"], "a retry, and an attempt a second later, go by what it is now");
    let logged = bench.app.store.deliveries(&tenant, &stored.id, 1, 10).await?;
    assert_eq!(logged.len(), 2);
    Ok(())
}

#[tokio::test]
async fn a_webhook_snapshot_of_another_version_is_not_read() -> Result<()> {
    let (bench, receiver) = (Bench::start().await?, Receiver::start(&[]).await?);
    bench.api.set_webhook(AGENT, &receiver.url("/snapshot")).await?;
    let [tenant, _] = local::demo::tenants();
    let stored = bench.app.store.primary_webhooks(&tenant).await?.pop().unwrap();
    let mut snapshot: Value = serde_json::from_str(bench.app.store.snapshot(&tenant, &stored)?.get())?;
    snapshot["v"] = json!(2);
    let webhook = bench.api.set_webhook(AGENT, &receiver.url("/now")).await?;
    let mut message = bench.delivery_message(&webhook, 1, Duration::ZERO);
    message["as_read"] = json!({ "at": bench.app.clock.now(), "updated_at": stored.updated_at, "webhook": snapshot });
    bench.deliver(&[message], 1).await?;
    assert_eq!(receiver.received()[0].path, "/now");
    Ok(())
}

#[tokio::test]
async fn a_message_that_cannot_be_read_is_reported_and_the_others_are_handled() -> Result<()> {
    let (bench, receiver) = (Bench::start().await?, Receiver::start(&[]).await?);
    let webhook = bench.api.set_webhook(AGENT, &receiver.url("/")).await?;
    let good = bench.delivery_message(&webhook, 1, Duration::ZERO);
    let mut newer = good.clone();
    newer["v"] = json!(2);
    let failures = bench.deliver(&[json!("no JSON"), good, newer, json!({})], 1).await?;
    assert_eq!(failures, ["0", "2", "3"]);
    assert_eq!(receiver.received().len(), 1);
    Ok(())
}

#[tokio::test]
async fn an_attempt_that_was_logged_before_the_function_died_is_not_repeated_and_its_retry_is_queued() -> Result<()> {
    let (bench, receiver) = (Bench::start().await?, Receiver::start(&[Step::Status(500)]).await?);
    let webhook = bench.api.set_webhook(AGENT, &receiver.url("/")).await?;
    let message = bench.delivery_message(&webhook, 1, Duration::ZERO);
    bench.deliver(std::slice::from_ref(&message), 1).await?;
    assert_eq!((receiver.received().len(), bench.api.queue_length("RetriesQueue").await?), (1, 1));
    // SQS shows the message again, because the function died before it answered.
    bench.deliver(std::slice::from_ref(&message), 2).await?;
    assert_eq!((receiver.received().len(), bench.api.queue_length("RetriesQueue").await?), (1, 2));
    Ok(())
}

#[tokio::test]
async fn a_message_that_sqs_delivers_twice_schedules_one_retry() -> Result<()> {
    let (bench, receiver) = (Bench::start().await?, Receiver::start(&[const { Step::Status(500) }; 2]).await?);
    let webhook = bench.api.set_webhook(AGENT, &receiver.url("/")).await?;
    let message = bench.delivery_message(&webhook, 1, Duration::ZERO);
    bench.deliver(std::slice::from_ref(&message), 1).await?;
    bench.pass(Duration::from_millis(1));
    // Setting the webhook again resets its health. Otherwise the second message would wait in the slow lane.
    bench.api.set_webhook(AGENT, &receiver.url("/")).await?;
    bench.deliver(std::slice::from_ref(&message), 1).await?;
    assert_eq!(receiver.received().len(), 2, "at least once");
    assert_eq!(bench.api.queue_length("RetriesQueue").await?, 1, "but one chain of retries");
    Ok(())
}

#[tokio::test]
async fn a_repeated_message_of_a_retry_is_not_sent_again() -> Result<()> {
    let (bench, receiver) = (Bench::start().await?, Receiver::start(&[const { Step::Status(500) }; 2]).await?);
    let webhook = bench.api.set_webhook(AGENT, &receiver.url("/")).await?;
    bench.deliver(&[bench.delivery_message(&webhook, 1, Duration::ZERO)], 1).await?;
    let second = bench.delivery_message(&webhook, 2, Duration::ZERO);
    bench.deliver(std::slice::from_ref(&second), 1).await?;
    assert_eq!(receiver.received().len(), 2);
    for late_message in [second, bench.delivery_message(&webhook, 1, Duration::ZERO)] {
        bench.deliver(&[late_message], 2).await?;
    }
    assert_eq!(receiver.received().len(), 2, "the log has these attempts");
    bench.deliver(&[bench.delivery_message(&webhook, 3, Duration::ZERO)], 1).await?;
    bench.deliver(&[bench.delivery_message(&webhook, 4, Duration::ZERO)], 1).await?;
    assert_eq!(receiver.received().len(), 3, "nothing follows a success");
    Ok(())
}

#[tokio::test]
async fn an_event_in_the_queue_that_publishing_would_refuse_is_delivered_to_nobody() -> Result<()> {
    let (api, receiver) = (Api::start().await?, Receiver::start(&[]).await?);
    api.post("/agentphone/v1/webhooks", &json!({ "url": receiver.url("/") })).await?;
    let good = json!({ "type": "a", "data": {} });
    let too_many = vec![good.clone(); 101];
    for events in [json!([good, { "type": "a b", "data": {} }]), json!(too_many)] {
        let message = json!({ "v": 1, "scope": { "project": "demo", "environment": "test" }, "events": events });
        let event: SqsEvent = serde_json::from_value(json!({
            "Records": [{ "messageId": "m", "body": message.to_string(), "attributes": {} }],
        }))?;
        let Trigger::Queues(_, fan_out) = pipeline::fan_out::FUNCTION.trigger else {
            panic!("fan_out is behind a queue")
        };
        let config = aws::config(&api.stack.stores_url).await;
        let app = App::new(test_settings()?, DIALECTS, DynamoDb::new(&config), Sqs::new(&config));
        assert_eq!(invoke_queue(&app, fan_out, event).await.batch_item_failures.len(), 1);
    }
    api.idle().await?;
    assert_eq!(receiver.received().len(), 0);
    Ok(())
}

#[tokio::test]
async fn sweep_queues_an_overdue_delivery_once() -> Result<()> {
    let (bench, receiver) = (Bench::start().await?, Receiver::start(&[Step::Status(500)]).await?);
    let webhook = bench.api.set_webhook(AGENT, &receiver.url("/")).await?;
    bench.deliver(&[bench.delivery_message(&webhook, 1, Duration::ZERO)], 1).await?;
    bench.sweep_and_release().await?;
    bench.pass(Duration::from_secs((15 + 19) * 60));
    bench.sweep_and_release().await?;
    assert_eq!(bench.api.queue_length("RetriesQueue").await?, 1, "not overdue yet: the retry alone waits");
    bench.pass(Duration::from_secs(2 * 60));
    bench.sweep_and_release().await?;
    bench.sweep_and_release().await?;
    let logged = bench.api.delivery_with_status(AGENT, "success").await?;
    assert_eq!(logged["attemptCount"], 2);
    assert_eq!(receiver.received().len(), 2);
    assert_eq!(bench.api.queue_length("RetriesQueue").await?, 1, "the second sweep sent nothing");
    Ok(())
}

#[tokio::test]
async fn the_embedded_stores_have_what_the_template_lists() -> Result<()> {
    let stores = Stores::start(&DataLocation::Memory, 0).await?;
    let stack = Api::on(&local::stack::StoresAt::Url(stores.url.clone()), &[]).await?;
    let config = aws::config(&stores.url).await;
    let tables = DynamoDb::new(&config).list_tables().send().await?.table_names.unwrap_or_default();
    let template = Template::built_in()?;
    assert_eq!(tables, template.tables.keys().cloned().collect::<Vec<_>>());
    let queues = Sqs::new(&config).list_queues().send().await?.queue_urls.unwrap_or_default();
    assert_eq!(queues.len(), template.queues.len());
    stack.stack.stop().await;
    stores.stop().await;
    Ok(())
}
