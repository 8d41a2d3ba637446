//! The store on the embedded DynamoDB: the guarantees that must hold when two workers do the same at once.

use std::time::Duration;

use anyhow::{Context, Result};
use clients::store::Store;
use clients::store::webhooks::Replaced;
use domain::{AgentId, Owner, Tenant, Webhook};
use local::aws;
use local::stores::{DataLocation, Stores};

use crate::stack::{AGENT, Api};

/// A store in memory with the demo project in it.
async fn start_with_store() -> Result<(Api, Store, Tenant)> {
    let api = Api::unswept().await?;
    let store = api.store().await?;
    let [tenant, _] = local::demo::tenants();
    Ok((api, store, tenant))
}

async fn primary_webhook(store: &Store, tenant: &Tenant) -> Result<Option<Webhook>> {
    let owner = Owner::Agent(AgentId::parse(AGENT)?);
    Ok(store.owned(tenant, &owner).await?.primary_webhook())
}

#[tokio::test]
async fn the_second_of_two_writers_of_a_primary_webhook_has_to_read_again() -> Result<()> {
    let (api, store, tenant) = start_with_store().await?;
    api.set_webhook(AGENT, "https://a.example").await?;
    let before = primary_webhook(&store, &tenant).await?.context("set")?;
    let with_url = |url: &str| Webhook {
        url: url.to_owned(),
        updated_at: before.updated_at.plus(Duration::from_millis(1)),
        ..before.clone()
    };
    assert_eq!(store.replace(&tenant, None, &with_url("https://z.example")).await?, Replaced::Conflict);
    assert_eq!(store.replace(&tenant, Some(&before), &with_url("https://b.example")).await?, Replaced::Done);
    assert_eq!(store.replace(&tenant, Some(&before), &with_url("https://c.example")).await?, Replaced::Conflict);
    let now = primary_webhook(&store, &tenant).await?.context("set")?;
    assert_eq!(now, with_url("https://b.example"), "and every field comes back as it was stored");
    Ok(())
}

#[tokio::test]
async fn a_webhook_cannot_be_put_under_an_agent_that_is_gone() -> Result<()> {
    let (api, store, tenant) = start_with_store().await?;
    api.set_webhook(AGENT, "https://a.example").await?;
    let webhook = primary_webhook(&store, &tenant).await?.context("set")?;
    assert!(store.delete_agent(&tenant, &AgentId::parse(AGENT)?).await?);
    assert_eq!(store.replace(&tenant, None, &webhook).await?, Replaced::NoOwner);
    assert_eq!(store.replace(&tenant, Some(&webhook), &webhook).await?, Replaced::NoOwner);
    assert_eq!(primary_webhook(&store, &tenant).await?, None);
    assert!(!store.delete_agent(&tenant, &AgentId::parse(AGENT)?).await?);
    Ok(())
}

/// Nothing listens at the endpoint's address. So these calls reach the stores without a socket.
#[tokio::test]
async fn a_client_inside_the_process_needs_no_socket_and_ends_with_the_stores() -> Result<()> {
    let stores = Stores::start(&DataLocation::Memory, 0).await?;
    let config = aws::config("http://127.0.0.1:1").await.into_builder().http_client(stores.http_client()).build();
    let (sqs, dynamodb) = (aws_sdk_sqs::Client::new(&config), aws_sdk_dynamodb::Client::new(&config));
    let url = sqs.create_queue().queue_name("Inside").send().await?.queue_url.context("a URL")?;
    sqs.send_message().queue_url(&url).message_body("hello").send().await?;
    let received = sqs.receive_message().queue_url(&url).send().await?;
    assert_eq!(received.messages()[0].body(), Some("hello"));
    let missing = dynamodb.describe_table().table_name("Missing").send().await.unwrap_err();
    assert!(missing.into_service_error().is_resource_not_found_exception());
    stores.stop().await;
    assert!(sqs.receive_message().queue_url(&url).send().await.is_err());
    assert!(dynamodb.describe_table().table_name("Missing").send().await.unwrap_err().as_service_error().is_none());
    Ok(())
}
