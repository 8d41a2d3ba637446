//! Each function's policy allows exactly the calls that the function makes. The local stack refuses any other call, so
//! that a missing permission fails some test. A permission that is never used fails the test here.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context, Result};
use aws_sdk_dynamodb::types::AttributeValue;
use domain::{AgentId, DialectName, EventId, Owner, Webhook};
use functions::admin::administer;
use functions::function::Trigger;
use functions::pipeline;
use local::invoke;
use local::policy::Use;
use local::stack::{SEALING_KEYS, StoresAt};
use local::stores::{DataLocation, Stores};
use local::template::Template;
use serde_json::{Value, json};
use usecases::app::App;
use usecases::ttl_cache::TtlCache;

use crate::documented_calls;
use crate::log;
use crate::receiver::{Receiver, Step};
use crate::stack::{AGENT, Api, OTHER_AGENT, PATIENCE, wait_until};

/// The permissions in the template that no function has used yet.
fn unused_permissions(api: &Api) -> Result<BTreeSet<Use>> {
    let mut allowed = BTreeSet::new();
    for function in Template::built_in()?.functions.into_values() {
        allowed.extend(function.permissions.into_iter().map(|permission| (function.name.clone(), permission)));
    }
    let used = api.stack.policy.used();
    Ok(allowed.into_iter().filter(|permission| !used.contains(permission)).collect())
}

/// Whether every permission that `concerns` selects has been used.
fn has_used_all(api: &Api, concerns: impl Fn(&Use) -> bool) -> Result<Option<()>> {
    Ok((!unused_permissions(api)?.iter().any(concerns)).then_some(()))
}

/// Invokes `admin` as Lambda does.
async fn run_command(api: &Api, command: Value) -> Result<Value> {
    let app = api.app.clone();
    let answer = invoke::run_invocation("admin", PATIENCE, async move { administer(&app, command).await });
    Ok(answer.await.expect("it ends")?)
}

/// Invokes `sweep` as Lambda does, until it has found an overdue delivery.
async fn sweep(api: &Api) -> Result<()> {
    let Trigger::Schedule(_, handler) = pipeline::sweep::FUNCTION.trigger else { panic!("it has a schedule") };
    let swept = async || {
        let app = api.app.clone();
        invoke::run_invocation("pipeline-sweep", PATIENCE, async move { handler(&app).await })
            .await
            .expect("it ends")?;
        has_used_all(api, |(function, _)| function == "pipeline-sweep")
    };
    wait_until("what is overdue", swept).await
}

/// Makes every call of the API reference, with `receiver` as each webhook's URL.
async fn make_documented_calls(api: &Api, receiver: &Receiver) -> Result<()> {
    for page in documented_calls::read_pages()? {
        let mut id = String::new();
        for call in page {
            let (path, body) = (call.path.replace("$ID", &id), call.body_for(&receiver.url("/")));
            let answer = api.send(call.method.clone(), &path, body).await?;
            assert!(!call.succeeds() || answer.status == call.status, "{call:?}: {answer:?}");
            let found = [&answer.body["data"]["id"], &answer.body["id"]].into_iter().find_map(Value::as_str);
            id = found.map_or(id, str::to_owned);
        }
    }
    Ok(())
}

/// Writes the dedup lock of a client id as release 0.1.0 wrote it.
async fn put_lock_of_release_0_1_0(api: &Api, id: &str) -> Result<()> {
    let [tenant, _] = local::demo::tenants();
    let pk = format!("demo#test#event#{}", EventId::from_client_id(&tenant, id));
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let number = |number: i64| AttributeValue::N(number.to_string());
    let now = api.app.clock.now();
    let dynamodb = aws_sdk_dynamodb::Client::new(&local::aws::config(&api.stack.stores_url).await);
    let put = dynamodb.put_item().table_name("LogTable").item("pk", text(&pk)).item("sk", text("claim"));
    let put = put.item("v", number(1)).item("expires_at", number(now.seconds() + 60)).item("claimant", text("t"));
    put.item("claimed_at", number(now.millis())).item("told", AttributeValue::Bool(true)).send().await?;
    Ok(())
}

/// Publishes events in every way, until `fan_out` has spread the log of a webhook.
async fn deliver(api: &Api, receiver: &Receiver) -> Result<()> {
    api.set_webhook(AGENT, &receiver.url("/")).await?;
    let message = json!({
        "type": "message.received", "agent_id": AGENT, "id": "order-1", "conversation_id": "c", "data": { "message": "Hello" },
        "conversation_state": { "step": 1 },
    });
    for _ in 0..2 {
        api.publish(&message).await?;
    }
    // An event of a conversation, put straight into the queue.
    let tenant = json!({ "project": "demo", "environment": "test" });
    let mut direct = message;
    direct["id"] = json!("order-2");
    api.enqueue("EventsQueue", &json!({ "v": 1, "scope": tenant, "events": [direct] }).to_string()).await?;
    // An event whose client id is known from release 0.1.0, straight into the queue and published.
    for id in ["order-3", "order-4"] {
        put_lock_of_release_0_1_0(api, id).await?;
        let old = json!({ "type": "n", "id": id, "agent_id": AGENT, "data": {} });
        if id == "order-3" {
            api.enqueue("EventsQueue", &json!({ "v": 1, "scope": tenant, "events": [old] }).to_string()).await?;
        } else {
            api.publish(&old).await?;
        }
    }
    // A client id that is used for another event.
    let conflict = json!({ "events": [
        { "type": "n", "id": "order-5", "data": {} }, { "type": "n", "id": "order-5", "data": { "n": 1 } },
    ] });
    assert_eq!(api.post("/v1/events", &conflict).await?.status, 422);
    // Enough events to spread the logs of two webhooks. Large requests go through the queue, and small ones do not.
    let many = |agent, count| json!({ "events": vec![json!({ "type": "n", "agent_id": agent, "data": {} }); count] });
    api.set_webhook(OTHER_AGENT, &receiver.url("/")).await?;
    let spread = async || {
        assert_eq!(api.post("/v1/events", &many(AGENT, 40)).await?.status, 202);
        for _ in 0..4 {
            assert_eq!(api.post("/v1/events", &many(OTHER_AGENT, 10)).await?.status, 202);
        }
        has_used_all(api, |(name, used)| {
            ["pipeline-fan-out", "pipeline-publish-events"].contains(&name.as_str())
                && used.action == "dynamodb:UpdateItem"
                && used.resource == "ConfigTable"
        })
    };
    wait_until("a log that is spread", spread).await?;
    api.idle().await
}

/// An endpoint fails, moves to the slow lane, and answers 410. Then its webhook gets a dialect that this release does
/// not know.
async fn fail(api: &Api) -> Result<()> {
    let failing = Receiver::start(&[Step::Status(500), Step::Status(500), Step::Status(410)]).await?;
    api.set_webhook(OTHER_AGENT, &failing.url("/")).await?;
    let event = |agent| json!({ "type": "n", "agent_id": agent, "data": {} });
    api.publish(&event(OTHER_AGENT)).await?;
    failing.wait_for(1).await?;
    api.delivery_with_status(OTHER_AGENT, "pending").await?;
    // More deliveries of one shard wait in the table than one task releases.
    let [tenant, _] = local::demo::tenants();
    log::park_in_one_shard(&api.app.store, &tenant, 501, api.app.clock.now()).await?;
    // The retry's message is lost, so that only `sweep` can queue the retry again.
    api.purge("RetriesQueue").await?;
    sweep(api).await?;
    // The slow lane, by both ways.
    let many = json!({ "events": vec![event(OTHER_AGENT); 11] });
    assert_eq!(api.post("/v1/events", &many).await?.status, 202);
    api.publish(&event(OTHER_AGENT)).await?;
    failing.wait_for(3).await?;
    api.idle().await?;
    let (store, [tenant, _]) = (api.app.store.clone(), local::demo::tenants());
    let primary =
        store.owned(&tenant, &Owner::Agent(AgentId::parse(OTHER_AGENT)?)).await?.primary_webhook().context("set")?;
    let later = Webhook { dialect: DialectName::new("later"), enabled: true, ..primary.clone() };
    store.replace(&tenant, Some(&primary), &later).await?;
    api.post("/v1/events", &json!({ "events": [event(AGENT), event(OTHER_AGENT)] })).await?;
    wait_until("an event that is requeued", async || has_used_all(api, |(function, _)| function == "pipeline-fan-out"))
        .await
}

#[tokio::test]
async fn every_function_may_do_what_it_does_and_nothing_more() -> Result<()> {
    let stores = Stores::start(&DataLocation::Memory, 0).await?;
    let at = StoresAt::Url(stores.url.clone());
    let before_the_rotation = Api::on(&at, &[]).await?;
    before_the_rotation.set_webhook(OTHER_AGENT, "http://127.0.0.1:1/").await?;
    before_the_rotation.stack.stop().await;
    let keys = format!("new:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=,{SEALING_KEYS}");
    let settings = [("RETRY_SCHEDULE", "2s,2s"), ("SWEEP_AFTER", "0s"), ("SEALING_KEYS", &keys)];
    // The caches are off, so that each call reads everything that it needs.
    let api = Api::changed_async(&at, &settings, async |app: &mut App| {
        app.api_key_cache = TtlCache::new(Duration::ZERO);
        app.webhook_cache = TtlCache::new(Duration::ZERO);
    })
    .await?;
    let receiver = Receiver::start(&[]).await?;
    run_command(&api, json!({ "command": "create_project", "project": "acme" })).await?;
    run_command(
        &api,
        json!({ "command": "create_key", "project": "acme", "environment": "test", "permissions": ["manage"] }),
    )
    .await?;
    run_command(&api, json!({ "command": "reseal", "project": "demo" })).await?;
    make_documented_calls(&api, &receiver).await?;
    deliver(&api, &receiver).await?;
    for list in ["", "/stats", "/all-time"] {
        assert_eq!(api.get(&format!("/agentphone/v1/webhooks/deliveries{list}")).await?.status, 200);
    }
    fail(&api).await?;
    run_command(&api, json!({ "command": "delete_project", "project": "demo" })).await?;
    assert_eq!(unused_permissions(&api)?, BTreeSet::new(), "allowed, and not used");
    assert_eq!(api.stack.policy.refused(), BTreeSet::new(), "used, and not allowed");
    Ok(())
}
