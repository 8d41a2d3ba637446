//! Upgrading: this release reads the items and messages of every earlier release. `tests/releases` has a file for each.
//!
//! `CAPTURE_RELEASE=1 cargo test -p switchhook-tests upgrade` writes the file of this version. Run it before the
//! version is released, and never after.

use std::collections::BTreeMap;
use std::fs;
use std::net::Ipv4Addr;
use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};
use domain::time::{Clock, Timestamp};
use functions::function::Trigger;
use functions::pipeline;
use lambda_http::Body;
use local::stack::{self, StoresAt};
use local::stores::{DataLocation, Stores};
use rules::settings::Settings;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use usecases::app::App;

use crate::receiver::{Received, Receiver, Step};
use crate::stack::{AGENT, Api, OTHER_AGENT, queue_url_of, wait_until};

/// The address of the customers' endpoints. It must not change, because a webhook's secrets are sealed with its URL.
const ENDPOINT: (Ipv4Addr, u16) = (Ipv4Addr::new(127, 83, 87, 72), 8383);
/// The time at which a release is captured.
const THEN: Timestamp = Timestamp::from_millis(1_795_000_000_000);
/// The time at which this release reads the capture: an hour later.
const NOW: Timestamp = Timestamp::from_millis(1_795_003_600_000);
/// With these settings, retries are still queued when a release is captured, and due when this release reads them.
const SETTINGS: [(&str, &str); 1] = [("RETRY_SCHEDULE", "15m,15m")];
/// With this setting, a sweep finds nothing.
const NEVER: &str = "3650d";
const TRACEPARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
/// Paths that customers can read.
const READ: [&str; 9] = [
    "/v1/agents",
    "/agentline/v1/webhooks",
    "/agentphone/v1/agents/agt_abc123/webhook",
    "/agentphone/v1/agents/agt_abc123/webhook/deliveries",
    "/agentphone/v1/webhooks",
    "/agentphone/v1/webhooks/deliveries",
    "/agentphone/v1/webhooks/deliveries/all-time",
    "/casey/v1/backend/webhooks",
    "/talkover/api/v1/agents/9fbef0b7-8d4e-4a08-9207-66c22155721d/webhooks",
];

/// The data that a release left behind.
#[derive(Serialize, Deserialize)]
struct Release {
    /// The functions' environment variables.
    environment: BTreeMap<String, String>,
    /// Items by table, in DynamoDB's JSON.
    items: BTreeMap<String, Vec<Value>>,
    /// Bodies of messages by queue.
    messages: BTreeMap<String, Vec<String>>,
    /// The answers that customers got, by path.
    answers: BTreeMap<String, Value>,
    /// The secret of Casey's endpoint, which no list shows.
    casey_secret: String,
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("releases")
}

fn url(path: &str) -> String {
    format!("http://{}:{}{path}", ENDPOINT.0, ENDPOINT.1)
}

/// Starts a stack on these stores, with a clock that always shows `time`.
async fn stack_at(stores: &Stores, time: Timestamp, sweep_after: &str) -> Result<Api> {
    let fixed = async move |app: &mut App| app.clock = Clock::from_fn(move || time);
    let settings = [SETTINGS.as_slice(), &[("SWEEP_AFTER", sweep_after)]].concat();
    Api::changed_async(&StoresAt::Url(stores.url.clone()), &settings, fixed).await
}

/// A call to the embedded DynamoDB, as it goes over the wire.
async fn dynamodb(stores: &Stores, action: &str, body: &Value) -> Result<Value> {
    let request = reqwest::Client::new().post(&stores.url).header("content-type", "application/x-amz-json-1.0");
    // The embedded DynamoDB requires a signature, but does not check it.
    let signature =
        "AWS4-HMAC-SHA256 Credential=a/20261121/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=a";
    let request = request.header("authorization", signature).header("x-amz-date", "20261121T000000Z");
    let request = request.header("x-amz-target", format!("DynamoDB_20120810.{action}")).body(body.to_string());
    let answer = request.send().await?;
    ensure!(answer.status().is_success(), "{action}: {}", answer.text().await?);
    Ok(serde_json::from_slice(&answer.bytes().await?)?)
}

/// Sets a webhook in each dialect, with every option.
async fn set_webhooks(api: &Api) -> Result<String> {
    for secret in ["older-secret", "agentline-secret"] {
        let body = json!({ "url": url("/agentline"), "agent_id": OTHER_AGENT, "secret": secret });
        assert_eq!(api.post("/agentline/v1/webhooks", &body).await?.status, 200);
    }
    api.set_webhook(AGENT, &url("/agentphone")).await?;
    api.post("/agentphone/v1/webhooks", &json!({ "url": url("/default") })).await?;
    let body = json!({
        "name": "All", "webhook_url": url("/talkover"), "webhook_secret": "talkover-secret", "events": ["event_phone_call_ended"],
        "http_method": "PUT", "authorization_scheme": "bearer", "authorization_credentials": { "token": "bearer-token" },
        "custom_headers": [{ "key": "X-Own", "value": "own-value" }],
        "payload_templates": { "event_phone_call_ended": { "call": "{{call.id}}" } },
    });
    let webhooks = format!("/talkover/api/v1/agents/{OTHER_AGENT}/webhooks");
    assert_eq!(api.post(&webhooks, &body).await?.status, 201);
    let casey = json!({ "url": url("/casey"), "event_types": ["conversation.completed"] });
    let casey = api.post("/casey/v1/backend/webhooks", &casey).await?;
    casey.body["data"]["secret"].as_str().map(str::to_owned).context("a secret")
}

/// A message of the conversation, sent at a minute of the hour before.
fn message_received(text: &str, minute: u32) -> Value {
    json!({
        "type": "message.received", "agent_id": AGENT, "channel": "sms", "conversation_id": "conv_1",
        "occurred_at": format!("2026-11-18T10:{minute:02}:00Z"),
        "conversation_state": { "step": 1 }, "data": { "conversationId": "conv_1", "message": text },
    })
}

/// A message with a client id. It is published again after an upgrade.
fn named() -> Value {
    let mut named = message_received("Named", 2);
    named["id"] = json!("named");
    named
}

/// Publishes events by invoking the function, while no poller handles the queue.
async fn publish(app: &App, events: &[Value]) -> Result<()> {
    let Trigger::Http(publish) = pipeline::publish_events::FUNCTION.trigger else { panic!("it has a route") };
    let request = http::Request::post("/v1/events")
        .header("authorization", format!("Bearer {}", local::demo::TEST_KEY))
        .header("traceparent", TRACEPARENT)
        .body(Body::from(json!({ "events": events }).to_string()))?;
    assert_eq!(publish.answer(app, &request).await.status(), 202);
    Ok(())
}

/// Receives the messages of a queue.
async fn receive_all(stores: &Stores, queue: &str) -> Result<Vec<String>> {
    let sqs = aws_sdk_sqs::Client::new(&local::aws::config(&stores.url).await);
    let received = sqs.receive_message().queue_url(queue_url_of(queue)).max_number_of_messages(10).send().await?;
    Ok(received.messages.unwrap_or_default().into_iter().filter_map(|message| message.body).collect())
}

async fn capture(receiver: &Receiver) -> Result<Release> {
    let stores = Stores::start(&DataLocation::Memory, 0).await?;
    let api = stack_at(&stores, THEN, NEVER).await?;
    let casey_secret = set_webhooks(&api).await?;
    api.publish(&message_received("Before", 1)).await?;
    receiver.wait_for(1).await?;
    api.publish(&named()).await?;
    let is_pending = |one: &Value| one["status"] == "pending";
    wait_until("a retry", async || Ok(api.deliveries(AGENT).await?.into_iter().find(is_pending))).await?;
    let mut answers = BTreeMap::new();
    for path in READ {
        answers.insert(path.to_owned(), api.get(path).await?.body);
    }
    api.stack.stop().await;

    let setting = |name: &str| SETTINGS.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
    let (_, mut app) = stack::app_on_stores(&StoresAt::Url(stores.url.clone()), setting).await?;
    app.clock = Clock::from_fn(|| THEN);
    // Events with a client id go through the events queue.
    let ended = |kind: &str| json!({ "type": kind, "agent_id": OTHER_AGENT, "id": kind, "data": { "call": { "id": "call_1" } } });
    publish(&app, &[ended("call.completed"), ended("conversation.completed")]).await?;
    let events = receive_all(&stores, "EventsQueue").await?;
    // The agent's endpoint has failed, so that its event waits in the slow lane. The default webhook's event does not.
    let to_default = json!({ "type": "call.completed", "agent_id": "agt_other", "data": {} });
    publish(&app, &[message_received("After", 3), to_default]).await?;
    let deliveries = receive_all(&stores, "DeliveriesQueue").await?;
    // The other retry still waits. Its message is not captured: a sweep makes it from the log.
    let retries = receive_all(&stores, "RetriesQueue").await?;
    assert_eq!((events.len(), deliveries.len(), retries.len()), (2, 1, 1));
    let mut items = BTreeMap::new();
    for table in ["ConfigTable", "LogTable"] {
        let scanned = dynamodb(&stores, "Scan", &json!({ "TableName": table })).await?;
        items.insert(table.to_owned(), scanned["Items"].as_array().context("items")?.clone());
    }
    let messages = [("EventsQueue", events), ("DeliveriesQueue", deliveries), ("RetriesQueue", retries)];
    let messages = messages.map(|(queue, bodies)| (queue.to_owned(), bodies)).into();
    let environment = stack::environment(&stores.url, setting).await?;
    Ok(Release { environment, items, messages, answers, casey_secret })
}

/// Starts stores with the items of a release.
async fn restore(release: &Release) -> Result<Stores> {
    let stores = Stores::start(&DataLocation::Memory, 0).await?;
    stack::environment(&stores.url, |_| None).await?;
    for (table, items) in &release.items {
        for item in items {
            dynamodb(&stores, "PutItem", &json!({ "TableName": table, "Item": item })).await?;
        }
    }
    Ok(stores)
}

/// The Standard Webhooks signature of a request, for the request's own timestamp.
fn standard_signature(received: &Received, secret: &str) -> Result<String> {
    let (id, time) = (received.header("webhook-id"), received.header("webhook-timestamp"));
    Ok(standardwebhooks::Webhook::new(secret)?.sign(id, time.parse()?, &received.body)?)
}

/// Compares the deliveries with the webhooks and the events of the release.
fn check_deliveries(received: &[Received], release: &Release) -> Result<()> {
    let to = |path: &str| received.iter().filter(|one| one.path == path).collect::<Vec<_>>();
    let secret = release.answers[READ[2]]["secret"].as_str().context("a secret")?;
    let [retried, first] = to("/agentphone")[..] else { bail!("two for AgentPhone's") };
    assert!([retried, first].iter().all(|one| one.agentphone_verifies(secret)));
    let mut texts = [retried, first].map(|one| one.json()["data"]["message"].clone());
    texts.sort_by_key(ToString::to_string);
    assert_eq!(texts, ["After", "Named"]);
    let histories = [retried, first].map(|one| one.json()["recentHistory"][0]["content"].clone());
    assert_eq!(histories, ["Before", "Before"]);

    let [one, other] = to("/agentline")[..] else { bail!("two for AgentLine's") };
    for received in [one, other] {
        assert_eq!(received.header("x-agentline-signature"), received.body_hmac("agentline-secret"));
        assert_eq!(received.header("webhook-signature").split(' ').count(), 2, "the older secret signs for a day");
    }
    let [talkover] = to("/talkover")[..] else { bail!("one for Talkover's") };
    assert_eq!((talkover.method.as_str(), talkover.json()), ("PUT", json!({ "call": "call_1" })));
    assert_eq!([talkover.header("authorization"), talkover.header("x-own")], ["Bearer bearer-token", "own-value"]);
    assert_eq!(talkover.header("x-webhook-signature"), talkover.body_hmac("talkover-secret"));
    assert_eq!(to("/default").len(), 1);
    let [casey] = to("/casey")[..] else { bail!("one for Casey's") };
    assert_eq!(casey.header("svix-signature"), standard_signature(casey, &release.casey_secret)?);
    assert!(received.iter().filter(|one| one.header("traceparent") == TRACEPARENT).count() == 6);
    Ok(())
}

/// Starts this release on the data of another release, and checks its answers and deliveries.
async fn take_over(release: &Release, receiver: &Receiver) -> Result<()> {
    Settings::read(|name| release.environment.get(name).cloned())?;
    let (stores, before) = (restore(release).await?, receiver.received().len());
    // Release 0.1.0 captured the messages of both retries. Later releases leave one to a sweep.
    let has_all_retries = release.messages["RetriesQueue"].len() == 2;
    let api = stack_at(&stores, NOW, if has_all_retries { NEVER } else { "0s" }).await?;
    for (path, answer) in &release.answers {
        assert_eq!(api.get(path).await?.body, *answer, "{path}");
    }
    for (queue, messages) in &release.messages {
        for message in messages {
            api.enqueue(queue, message).await?;
        }
    }
    let Trigger::Schedule(_, sweep) = pipeline::sweep::FUNCTION.trigger else { panic!("it has a schedule") };
    if !has_all_retries {
        sweep(&api.app).await?;
    }
    api.publish(&named()).await?;
    receiver.wait_for(before + 7).await?;
    api.idle().await?;
    check_deliveries(&receiver.received()[before..], release)?;
    let logged = api.deliveries(AGENT).await?;
    assert!(logged.iter().all(|one| one["status"] == "success"), "{logged:?}");
    // All deliveries have the same time, so that their order is not fixed.
    let mut attempts: Vec<_> = logged.iter().map(|one| one["attemptCount"].as_u64()).collect();
    attempts.sort_unstable();
    assert_eq!(attempts, [1, 1, 2].map(Some));
    Ok(())
}

#[tokio::test]
async fn this_release_reads_the_items_and_messages_of_every_release() -> Result<()> {
    let own = folder().join(concat!(env!("CARGO_PKG_VERSION"), ".json"));
    #[allow(clippy::disallowed_methods, reason = "it is the test's own switch, and no setting of a function")]
    let captures = std::env::var_os("CAPTURE_RELEASE").is_some();
    // The second delivery of a capture fails.
    let script = if captures { vec![Step::Status(200), Step::Status(500)] } else { Vec::new() };
    let receiver = Receiver::start_at(ENDPOINT, &script).await?;
    if captures {
        fs::create_dir_all(folder())?;
        let captured = Box::pin(capture(&receiver)).await?;
        fs::write(&own, serde_json::to_string_pretty(&captured)? + "\n")?;
    }
    ensure!(own.exists(), "there is no {}: CAPTURE_RELEASE=1 writes it", own.display());
    for file in fs::read_dir(folder())? {
        let path = file?.path();
        let release = serde_json::from_slice(&fs::read(&path)?)?;
        take_over(&release, &receiver).await.with_context(|| path.display().to_string())?;
    }
    Ok(())
}

#[tokio::test]
async fn an_item_of_another_version_is_refused_and_its_events_wait() -> Result<()> {
    let stores = Stores::start(&DataLocation::Memory, 0).await?;
    let api = Api::on(&StoresAt::Url(stores.url.clone()), &[("VISIBILITY_TIMEOUT_S", "1")]).await?;
    let receiver = Receiver::start(&[]).await?;
    api.set_webhook(AGENT, &receiver.url("/")).await?;
    let scanned = dynamodb(&stores, "Scan", &json!({ "TableName": "ConfigTable" })).await?;
    let items = scanned["Items"].as_array().context("items")?;
    let is_primary: fn(&&Value) -> bool = |item| item["sk"]["S"] == "slot";
    let is_agent: fn(&&Value) -> bool =
        |item| item["sk"]["S"] == "agent" && item["pk"]["S"] == "demo#test#agent#agt_abc123";
    for is_one in [is_primary, is_agent] {
        let mut item = items.iter().find(is_one).cloned().context("an item")?;
        item["v"]["N"] = json!("2");
        dynamodb(&stores, "PutItem", &json!({ "TableName": "ConfigTable", "Item": item })).await?;
    }
    for _ in 0..2 {
        let answer = api.put(&format!("/v1/agents/{AGENT}"), &json!({ "name": "Ada" })).await?;
        assert_eq!(answer.status, 503, "the item is not overwritten");
    }
    assert_eq!(api.get(READ[2]).await?.status, 503);
    api.publish(&json!({ "type": "a", "agent_id": AGENT, "data": {} })).await?;
    let dead_letter = async || Ok((api.queue_length("EventsDeadLetters").await? == 1).then_some(()));
    wait_until("the dead letter", dead_letter).await?;
    assert_eq!(receiver.received().len(), 0);
    Ok(())
}
