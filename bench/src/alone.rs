//! Two measurements without a pipeline. The floor only signs and sends a body with the deliveries' own client.
//! `deliver` alone sends the same bodies from batches of queue messages, while a stand-in for the store answers at the
//! SDK's HTTP layer.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use aws_lambda_events::event::sqs::SqsEvent;
use clients::queue::messages::{DeliveryMessage, Version, WebhookSnapshot};
use domain::time::Timestamp;
use domain::{DeliveryId, DeliveryKey, EventId, EventPack, Tenant, Webhook};
use functions::function::Trigger;
use functions::lambda::invoke_queue;
use functions::pipeline;
use local::demo;
use local::stack::{Stack, StoresAt};
use local::stores::DataLocation;
use rules::sign::Signature;
use serde::{Deserialize, Serialize};
use serde_json::json;
use serde_json::value::{RawValue, to_raw_value};
use tokio::task::JoinSet;
use usecases::app::App;
use usecases::attempt::{Content, make_attempt};

use crate::canned_dynamodb;
use crate::event::event;
use crate::measure::to_f64;
use crate::percentiles::Percentiles;
use crate::work::{Platform, WORKS};

/// Concurrent requests of the floor.
const REQUESTS_AT_ONCE: usize = BATCHES_AT_ONCE * BATCH;

/// Concurrent batches of `deliver`.
const BATCHES_AT_ONCE: usize = 8;

/// Messages in one batch of a queue.
const BATCH: usize = 10;

/// The time between two requests while latency is measured: 50 requests a second.
const LATENCY_INTERVAL: Duration = Duration::from_millis(20);

/// A measured rate.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Rate {
    /// Requests a second.
    pub(crate) a_second: f64,
    /// Requests in all.
    pub(crate) requests: f64,
}

/// The time from a request's start to its answer.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Times(pub(crate) Percentiles);

/// The functions' `App` and a webhook, which both measurements need.
pub(crate) struct Alone {
    stack: Stack,
    app: App,
    tenant: Tenant,
    webhook: Webhook,
    snapshot: Box<RawValue>,
}

impl Alone {
    /// Registers a webhook at `receiver_url`.
    pub(crate) async fn start(receiver_url: &str) -> Result<Self> {
        let mut app = None;
        let at = StoresAt::Embedded(DataLocation::Memory);
        let stack = Stack::start_with(0, &at, |_| None, async |own: &mut App| app = Some(own.clone())).await?;
        let app = app.context("no App")?;
        let [work, ..] = WORKS;
        Platform::new(&stack.url).set_up(&work, receiver_url).await?;
        let [tenant, _] = demo::tenants();
        let webhook = app.store.webhooks(&tenant).await?.pop().context("a webhook")?;
        let snapshot = app.store.snapshot(&tenant, &webhook)?;
        Ok(Self { stack, app, tenant, webhook, snapshot })
    }

    /// Signs and sends requests for the time `lasting`.
    pub(crate) async fn floor(self: Arc<Self>, lasting: Duration) -> Result<Rate> {
        let body = floor_body();
        at_once(REQUESTS_AT_ONCE, lasting, move |_| {
            let (own, body) = (self.clone(), body.clone());
            async move { own.send(&body).await.map(|()| 1) }
        })
        .await
    }

    /// Signs and sends 50 requests a second for the time `lasting`.
    pub(crate) async fn floor_evenly(self: Arc<Self>, lasting: Duration) -> Result<Times> {
        let (body, end) = (floor_body(), Instant::now() + lasting);
        let (mut ticks, mut requests) = (tokio::time::interval(LATENCY_INTERVAL), JoinSet::new());
        while Instant::now() < end {
            ticks.tick().await;
            let (own, body) = (self.clone(), body.clone());
            requests.spawn(async move {
                let start = Instant::now();
                own.send(&body).await.map(|()| start.elapsed())
            });
        }
        let times = requests.join_all().await.into_iter().collect::<Result<_>>()?;
        Ok(Times(Percentiles::of(times)))
    }

    async fn send(&self, body: &str) -> Result<()> {
        let (id, signature) = (self.delivery_id(0), agentphone_signature()?);
        let content = Content { id: &id, signature: &signature, headers: &[], traceparent: None, body };
        let now = self.app.clock.now();
        let outcome = make_attempt(&*self.app.sender, &self.webhook, content, now, Duration::MAX).await;
        outcome.error().map_or(Ok(()), |error| bail!("{error}"))
    }

    /// Runs `deliver` on batches for the time `lasting`.
    pub(crate) async fn deliver(self: Arc<Self>, lasting: Duration) -> Result<Rate> {
        let mut app = self.app.clone();
        canned_dynamodb::stand_in(&mut app, &self.stack.stores_url).await;
        let app = Arc::new(app);
        at_once(BATCHES_AT_ONCE, lasting, move |number| {
            let (own, app) = (self.clone(), app.clone());
            async move {
                let Trigger::Queues(_, deliver) = pipeline::deliver::FUNCTION.trigger else { bail!("it has a queue") };
                let failures = invoke_queue(&app, deliver, own.batch(number * BATCH)?).await.batch_item_failures;
                ensure!(failures.is_empty(), "a delivery failed");
                Ok(BATCH)
            }
        })
        .await
    }

    fn delivery_id(&self, number: usize) -> DeliveryId {
        DeliveryId::derive(&event_id(number), &self.webhook.id, self.app.clock.now(), 1)
    }

    fn batch(&self, first: usize) -> Result<SqsEvent> {
        let records: Vec<_> = (first..first + BATCH)
            .map(|number| {
                let body = serde_json::to_string(&self.message(number)?)?;
                Ok(json!({ "messageId": number.to_string(), "body": body, "attributes": { "ApproximateReceiveCount": "1" } }))
            })
            .collect::<Result<_>>()?;
        Ok(serde_json::from_value(json!({ "Records": records }))?)
    }

    fn message(&self, number: usize) -> Result<DeliveryMessage> {
        let now = self.app.clock.now();
        Ok(DeliveryMessage {
            v: Version,
            key: DeliveryKey {
                tenant: self.tenant.clone(),
                webhook_id: self.webhook.id.clone(),
                shard: 0,
                created_at: now,
                id: self.delivery_id(number),
            },
            webhook: self.webhook.reference(),
            snapshot: Some(WebhookSnapshot {
                at: now,
                updated_at: self.webhook.updated_at,
                webhook: self.snapshot.clone(),
            }),
            event_id: event_id(number),
            event_type: "agent.call_ended".to_owned(),
            agent_id: None,
            message_id: None,
            channel: None,
            conversation_id: None,
            dialect: Some(self.webhook.dialect.clone()),
            traceparent: None,
            attempt: 1,
            due_at: now,
            slow_lane: false,
            signature: agentphone_signature()?,
            headers: Vec::new(),
            with_event: false,
            body: to_raw_value(&event("agt_abc123", number))?,
        })
    }
}

fn floor_body() -> Arc<str> {
    event("agt_abc123", 1).to_string().into()
}

/// Repeats `work` for the time `lasting`, in `times` concurrent loops. `work` returns the number of its requests.
async fn at_once<F>(times: usize, lasting: Duration, work: impl Fn(usize) -> F + Clone + Send + 'static) -> Result<Rate>
where
    F: Future<Output = Result<usize>> + Send,
{
    let (start, end) = (Instant::now(), Instant::now() + lasting);
    let mut loops = JoinSet::new();
    for first in 0..times {
        let work = work.clone();
        loops.spawn(async move {
            let (mut made, mut turn) = (0, first);
            while Instant::now() < end {
                made += work(turn).await?;
                turn += times;
            }
            anyhow::Ok(made)
        });
    }
    let mut made = 0;
    while let Some(loops) = loops.join_next().await {
        made += loops??;
    }
    let requests = to_f64(made as u64);
    Ok(Rate { a_second: requests / start.elapsed().as_secs_f64(), requests })
}

fn event_id(number: usize) -> EventId {
    EventPack { accepted_at: Timestamp::from_millis(0), number: number as u64 }.event_id(0)
}

/// AgentPhone's signature, by its name in a queue message of release 0.1.0.
fn agentphone_signature() -> Result<Signature> {
    Ok(serde_json::from_value(json!("timestamped_hex"))?)
}
