//! Waiting messages survive a restart, after a clean stop and after a SIGKILL.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result};
use aws_sdk_dynamodb::Client as DynamoDb;
use aws_sdk_dynamodb::types::{AttributeDefinition, BillingMode, KeySchemaElement};
use local::aws;
use local::stack::StoresAt;
use local::stores::{DataLocation, Stores};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::process::Process;
use crate::receiver::{Receiver, Step};
use crate::stack::{AGENT, Api, Client, wait_until};

#[tokio::test]
async fn a_stop_in_the_middle_of_a_retry_schedule_loses_nothing() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let stores = StoresAt::Embedded(DataLocation::Folder(folder.path().to_owned()));
    let settings = [("RETRY_SCHEDULE", "5s")];
    let receiver = Receiver::start(&[Step::Status(500)]).await?;
    let api = Api::on(&stores, &settings).await?;
    let webhook = api.set_webhook(AGENT, &receiver.url("/")).await?;
    api.publish(&json!({ "type": "a", "agent_id": AGENT, "data": {} })).await?;
    api.delivery_with_status(AGENT, "pending").await?;
    api.stack.stop().await;
    assert_eq!(receiver.received().len(), 1);

    let api = Api::on(&stores, &settings).await?;
    assert_eq!(api.get("/agentphone/v1/agents/agt_abc123/webhook").await?.body, webhook);
    let logged = api.delivery_with_status(AGENT, "success").await?;
    assert_eq!(logged["attemptCount"], 2);
    let ids: Vec<_> = receiver.received().iter().map(|received| received.header("webhook-id").to_owned()).collect();
    assert_eq!(ids, [logged["id"].as_str().unwrap(); 2]);
    api.stack.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_kill_in_the_middle_of_a_retry_schedule_loses_nothing() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let receiver = Receiver::start(&[Step::Status(500)]).await?;
    let process = Process::start(folder.path()).await?;
    process.client.set_webhook(AGENT, &receiver.url("/")).await?;
    process.client.publish(&json!({ "type": "a", "agent_id": AGENT, "data": {} })).await?;
    process.retry_waits(AGENT).await?;
    process.kill().await?;
    assert_eq!(receiver.received().len(), 1);
    let process = Process::start(folder.path()).await?;
    let logged = process.client.delivery_with_status(AGENT, "success").await?;
    assert_eq!(logged["attemptCount"], 2);
    process.kill().await
}

/// Publishes numbered events, one after another, until the process is gone. Returns the numbers that were accepted.
async fn publish_until_killed(client: Client, worker: u64, accepted: Arc<AtomicUsize>) -> Vec<u64> {
    let mut numbers = Vec::new();
    for n in (0..).map(|n| worker * 1_000_000 + n) {
        let event = json!({ "type": "a", "agent_id": AGENT, "data": { "n": n } });
        match client.post("/v1/events", &event).await {
            Ok(answer) if answer.status == 202 => numbers.push(n),
            Ok(_) | Err(_) => return numbers,
        }
        accepted.fetch_add(1, Ordering::Relaxed);
    }
    numbers
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_while_many_publish_at_once_loses_no_accepted_event() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let receiver = Receiver::start(&[]).await?;
    let process = Process::start(folder.path()).await?;
    process.client.set_webhook(AGENT, &receiver.url("/")).await?;
    let accepted = Arc::new(AtomicUsize::new(0));
    let workers: JoinSet<_> =
        (0..16).map(|worker| publish_until_killed(process.client.clone(), worker, accepted.clone())).collect();
    wait_until("accepted events", async || Ok((accepted.load(Ordering::Relaxed) > 500).then_some(()))).await?;
    process.kill().await?;
    let accepted: BTreeSet<u64> = workers.join_all().await.into_iter().flatten().collect();

    let process = Process::start(folder.path()).await?;
    wait_until("every accepted event", async || {
        let received = receiver.received();
        let numbers: BTreeSet<_> = received.iter().filter_map(|one| one.json()["data"]["n"].as_u64()).collect();
        Ok(accepted.is_subset(&numbers).then_some(()))
    })
    .await?;
    process.kill().await
}

#[tokio::test]
async fn a_delivery_that_was_under_way_when_the_process_was_killed_is_made_again() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let receiver = Receiver::start(&[Step::Hang]).await?;
    let process = Process::start(folder.path()).await?;
    process.client.set_webhook(AGENT, &receiver.url("/")).await?;
    process.client.publish(&json!({ "type": "a", "agent_id": AGENT, "data": {} })).await?;
    receiver.wait_for(1).await?;
    process.kill().await?;
    let process = Process::start(folder.path()).await?;
    let received = receiver.wait_for(2).await?;
    assert_eq!(received[0].header("webhook-id"), received[1].header("webhook-id"));
    process.kill().await
}

#[tokio::test]
async fn stores_in_a_process_of_their_own_outlive_the_functions() -> Result<()> {
    let stores = Process::spawn("0", &["--in-memory", "stores"], &[]).await?;
    let environment = [("STORES_URL", stores.url.as_str()), ("RETRY_SCHEDULE", "5s")];
    let receiver = Receiver::start(&[Step::Status(500)]).await?;
    let functions = Process::spawn("0", &[], &environment).await?;
    functions.client.set_webhook(AGENT, &receiver.url("/")).await?;
    functions.client.publish(&json!({ "type": "a", "agent_id": AGENT, "data": {} })).await?;
    functions.retry_waits(AGENT).await?;
    functions.kill().await?;
    assert_eq!(receiver.received().len(), 1);
    let functions = Process::spawn("0", &[], &environment).await?;
    assert_eq!(functions.client.delivery_with_status(AGENT, "success").await?["attemptCount"], 2);
    functions.kill().await?;
    stores.kill().await
}

#[tokio::test]
async fn functions_outlive_a_restart_of_their_stores() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let arguments = ["--data-dir", folder.path().to_str().context("UTF-8")?, "stores"];
    let stores = Process::spawn("0", &arguments, &[]).await?;
    let (url, receiver) = (stores.url.clone(), Receiver::start(&[]).await?);
    let functions = Process::spawn("0", &[], &[("STORES_URL", &url)]).await?;
    functions.client.set_webhook(AGENT, &receiver.url("/")).await?;
    stores.kill().await?;
    let stores = Process::spawn(url.rsplit(':').next().context("a port")?, &arguments, &[]).await?;
    functions.client.publish(&json!({ "type": "a", "agent_id": AGENT, "data": {} })).await?;
    receiver.wait_for(1).await?;
    functions.kill().await?;
    stores.kill().await
}

#[tokio::test]
async fn two_stacks_cannot_share_a_folder() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let location = DataLocation::Folder(folder.path().to_owned());
    let first = Stores::start(&location, 0).await?;
    let refusal = Stores::start(&location, 0).await.err().context("a second one started")?;
    assert!(refusal.to_string().contains("in use"), "{refusal}");
    first.stop().await;
    Stores::start(&location, 0).await?.stop().await;
    Ok(())
}

/// Creates the table of webhooks as an earlier version did: without its index.
async fn create_table_without_index(stores: &Stores) -> Result<()> {
    let attribute = |name: &str| AttributeDefinition::builder().attribute_name(name).attribute_type("S".into()).build();
    let key = |name: &str, kind: &str| KeySchemaElement::builder().attribute_name(name).key_type(kind.into()).build();
    DynamoDb::new(&aws::config(&stores.url).await)
        .create_table()
        .table_name("ConfigTable")
        .billing_mode(BillingMode::PayPerRequest)
        .set_attribute_definitions(Some(vec![attribute("pk")?, attribute("sk")?]))
        .set_key_schema(Some(vec![key("pk", "HASH")?, key("sk", "RANGE")?]))
        .send()
        .await?;
    Ok(())
}

#[tokio::test]
async fn a_stack_refuses_a_data_folder_whose_table_lacks_an_index() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let location = DataLocation::Folder(folder.path().to_owned());
    let stores = Stores::start(&location, 0).await?;
    create_table_without_index(&stores).await?;
    let remedy = "delete the data folder of these stores or start them with another --data-dir";
    let refusal = Api::on(&StoresAt::Url(stores.url.clone()), &[]).await.err().context("a stack started")?;
    let expected = "the table ConfigTable is of an earlier version and has no index listing";
    assert!(format!("{refusal:#}").ends_with(&format!("{expected}: {remedy}")), "{refusal:#}");
    stores.stop().await;
    let remedy = format!("delete the folder {} or use another --data-dir", folder.path().display());
    let refusal = Api::on(&StoresAt::Embedded(location), &[]).await.err().context("a stack started")?;
    assert!(format!("{refusal:#}").ends_with(&format!("{expected}: {remedy}")), "{refusal:#}");
    Ok(())
}

#[tokio::test]
async fn dead_letters_survive_a_restart() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let stores = StoresAt::Embedded(DataLocation::Folder(folder.path().to_owned()));
    let api = Api::on(&stores, &[]).await?;
    api.enqueue("EventsDeadLetters", "left here").await?;
    api.stack.stop().await;
    let api = Api::on(&stores, &[]).await?;
    assert_eq!(api.queue_length("EventsDeadLetters").await?, 1);
    assert_eq!(api.get("/agentphone/v1/webhooks").await?.body, Value::Null);
    Ok(())
}
