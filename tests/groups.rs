//! Calls of DynamoDB that share a transaction of the embedded stores: each succeeds or fails alone, and lasts.

use std::collections::HashMap;

use anyhow::{Context, Result};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, Put, TransactWriteItem, Update,
};
use futures::future::join_all;
use local::aws;
use local::stores::{DataLocation, Stores};

const TABLE: &str = "Numbers";

/// Stores with an empty table.
async fn start(location: &DataLocation) -> Result<(Stores, Client)> {
    let stores = Stores::start(location, 0).await?;
    let client = Client::new(&aws::config(&stores.url).await);
    client
        .create_table()
        .table_name(TABLE)
        .billing_mode(BillingMode::PayPerRequest)
        .attribute_definitions(AttributeDefinition::builder().attribute_name("pk").attribute_type("S".into()).build()?)
        .key_schema(KeySchemaElement::builder().attribute_name("pk").key_type("HASH".into()).build()?)
        .send()
        .await?;
    Ok((stores, client))
}

fn text(text: impl Into<String>) -> AttributeValue {
    AttributeValue::S(text.into())
}

async fn put_if_new(client: &Client, pk: &str, value: &str) -> bool {
    let put = client.put_item().table_name(TABLE).item("pk", text(pk)).item("value", text(value));
    put.condition_expression("attribute_not_exists(pk)").send().await.is_ok()
}

async fn values(client: &Client) -> Result<HashMap<String, String>> {
    let items = client.scan().table_name(TABLE).send().await?.items.unwrap_or_default();
    let read = |name: &str, item: &HashMap<String, AttributeValue>| item[name].as_s().unwrap().clone();
    Ok(items.iter().map(|item| (read("pk", item), read("value", item))).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_fails_undoes_no_other_call_of_its_group() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let location = DataLocation::Folder(folder.path().to_owned());
    let (stores, client) = start(&location).await?;
    let keys: Vec<String> = (0..200).map(|n| format!("{}", n / 2)).collect();
    let puts = join_all(keys.iter().enumerate().map(|(n, key)| {
        let client = client.clone();
        async move { put_if_new(&client, key, &n.to_string()).await }
    }))
    .await;
    assert_eq!(puts.iter().filter(|succeeded| **succeeded).count(), 100, "one of two puts with the same key");
    let written = values(&client).await?;
    for (n, succeeded) in puts.into_iter().enumerate() {
        assert_eq!(written[&keys[n]] == n.to_string(), succeeded, "{n}");
    }
    stores.stop().await;
    let stores = Stores::start(&location, 0).await?;
    assert_eq!(values(&Client::new(&aws::config(&stores.url).await)).await?, written);
    stores.stop().await;
    Ok(())
}

fn step_put(pk: &str, value: &str) -> Result<TransactWriteItem> {
    let put = Put::builder().table_name(TABLE).item("pk", text(pk)).item("value", text(value));
    Ok(TransactWriteItem::builder().put(put.build()?).build())
}

/// A step that fails unless the item exists.
fn step_update(pk: &str) -> Result<TransactWriteItem> {
    let update = Update::builder().table_name(TABLE).key("pk", text(pk)).condition_expression("attribute_exists(pk)");
    let update = update.update_expression("SET seen = :seen").expression_attribute_values(":seen", text("yes"));
    Ok(TransactWriteItem::builder().update(update.build()?).build())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_fails_writes_nothing() -> Result<()> {
    let (stores, client) = start(&DataLocation::Memory).await?;
    let steps = vec![step_put("a", "1")?, step_update("missing")?];
    let puts = join_all((0..50).map(|n| {
        let client = client.clone();
        async move { put_if_new(&client, &format!("k{n}"), "1").await }
    }));
    let transaction = client.transact_write_items().set_transact_items(Some(steps)).send();
    let (puts, transaction) = tokio::join!(puts, transaction);
    assert!(puts.into_iter().all(|succeeded| succeeded));
    assert!(transaction.unwrap_err().into_service_error().is_transaction_canceled_exception());
    let written = values(&client).await?;
    assert_eq!((written.len(), written.get("a")), (50, None));
    stores.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_transaction_that_is_repeated_with_its_token_is_made_once() -> Result<()> {
    let (stores, client) = start(&DataLocation::Memory).await?;
    let transact = |value: &'static str| {
        let client = client.clone();
        async move {
            let put = Put::builder().table_name(TABLE).item("pk", text("a")).item("value", text(value));
            let put = put.condition_expression("attribute_not_exists(pk)").build()?;
            let step = TransactWriteItem::builder().put(put).build();
            let call = client.transact_write_items().client_request_token("token").transact_items(step);
            anyhow::Ok(call.send().await)
        }
    };
    transact("1").await?.context("the first call")?;
    transact("1").await?.context("its repeat")?;
    let other = transact("2").await?.unwrap_err().into_service_error();
    assert!(other.is_idempotent_parameter_mismatch_exception(), "{other}");
    assert_eq!(values(&client).await?.get("a").map(String::as_str), Some("1"));
    stores.stop().await;
    Ok(())
}
