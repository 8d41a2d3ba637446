//! Secrets are sealed in the store, and occur in no log line.

use std::fs::File;

use anyhow::Result;
use aws_sdk_dynamodb::Client as DynamoDb;
use functions::admin::administer;
use http::Method;
use local::aws;
use local::demo::{LIVE_KEY, TEST_KEY};
use local::stack::StoresAt;
use local::stores::{DataLocation, Stores};
use serde_json::json;

use crate::process::Process;
use crate::receiver::{Receiver, Step};
use crate::stack::{AGENT, Api, Client, OTHER_AGENT};

/// Secrets that customers choose, none of which can occur by chance.
const CHOSEN: [&str; 9] = [
    "agentline-secret-5d1f0c",
    "agentline-older-secret-77ab",
    "talkover-secret-9e02b7",
    "bearer-token-1c44aa",
    "basic-password-e7d901",
    "api-key-value-0b6f3e",
    "custom-value-44c1d8",
    "header-value-a90e52",
    "body-text-31fe77",
];

/// Uses secrets in every dialect's calls and deliveries, some of which fail. Returns the secrets that Switchhook made.
async fn use_every_secret(client: &Client, receiver: &Receiver, gone: &Receiver) -> Result<Vec<String>> {
    let [secret, older, talkover, bearer, password, key, custom, header, text] = CHOSEN;
    let mut made = Vec::new();
    for secret in [older, secret] {
        let body = json!({ "url": gone.url("/line"), "agent_id": AGENT, "secret": secret });
        assert_eq!(client.post("/agentline/v1/webhooks", &body).await?.status, 200);
    }
    let default = client.post("/agentphone/v1/webhooks", &json!({ "url": receiver.url("/phone") })).await?;
    made.push(default.body["secret"].as_str().unwrap().to_owned());
    let endpoint = client.post("/casey/v1/backend/webhooks", &json!({ "url": receiver.url("/casey") })).await?;
    made.push(endpoint.body["data"]["secret"].as_str().unwrap().to_owned());
    let webhooks = format!("/talkover/api/v1/agents/{OTHER_AGENT}/webhooks");
    for (scheme, credentials) in [
        ("bearer", json!({ "token": bearer })),
        ("basic", json!({ "username": "user", "password": password })),
        ("api_key", json!({ "value": key })),
        ("custom", json!({ "header": "X-Pass", "value": custom })),
    ] {
        let body = json!({
            "name": scheme, "webhook_url": receiver.url("/talkover"), "webhook_secret": talkover,
            "events": ["event_phone_call_ended", "event_conversation_ended"], "authorization_scheme": scheme,
            "authorization_credentials": credentials, "custom_headers": [{ "key": "X-Own", "value": header }],
        });
        let created = client.post(&webhooks, &body).await?;
        assert_eq!(created.status, 201, "{}", created.body);
        let id = created.body["data"]["id"].as_str().unwrap();
        assert_eq!(client.send(Method::POST, &format!("{webhooks}/{id}/test"), "").await?.status, 200);
    }
    for agent in [AGENT, OTHER_AGENT] {
        for kind in ["call.completed", "conversation.completed"] {
            client.publish(&json!({ "type": kind, "agent_id": agent, "data": { "text": text } })).await?;
        }
    }
    // Refused calls with secrets in them.
    let bad = json!({ "name": 5, "webhook_secret": talkover, "authorization_credentials": { "token": bearer } });
    assert_eq!(client.post(&webhooks, &bad).await?.status, 422);
    assert_eq!(client.with_key("sk_test_guessed-key-6a1b").get("/v1/agents").await?.status, 401);
    Ok(made)
}

#[tokio::test]
async fn no_log_line_holds_a_secret_a_key_or_a_body() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("log");
    let receiver = Receiver::start(&[500, 302, 500, 503].map(Step::Status)).await?;
    let gone = Receiver::start(&[Step::Status(410)]).await?;
    let environment = [
        ("RUST_LOG", "info,domain=trace,rules=trace,clients=trace,usecases=trace,functions=trace,local=trace"),
        ("RETRY_SCHEDULE", "1s,1s"),
        ("RETRY_JITTER", "0"),
    ];
    let process = Process::spawn_logging_to(File::create(&path)?, "0", &["--in-memory"], &environment).await?;
    let made = use_every_secret(&process.client, &receiver, &gone).await?;
    gone.wait_for(1).await?;
    receiver.wait_for(13).await?;
    process.logs(&path, "a webhook was disabled").await?;
    process.kill().await?;
    let log = std::fs::read_to_string(&path)?;
    let has_trace = log.lines().any(|line| line.contains("TRACE") && line.contains("clients::send"));
    assert!(has_trace, "the log has the lines of every level");
    let keys = [TEST_KEY, LIVE_KEY, "sk_test_guessed-key-6a1b"].map(str::to_owned);
    for secret in CHOSEN.map(str::to_owned).into_iter().chain(made).chain(keys) {
        assert!(!log.contains(&secret), "{secret} is in the log");
    }
    Ok(())
}

/// Every item of the stack's tables, as text.
async fn stored_items(url: &str) -> Result<String> {
    let client = DynamoDb::new(&aws::config(url).await);
    let mut text = String::new();
    for table in ["ConfigTable", "LogTable"] {
        let mut pages = client.scan().table_name(table).into_paginator().send();
        while let Some(page) = pages.next().await {
            text += &format!("{:?}", page?.items);
        }
    }
    Ok(text)
}

#[tokio::test]
async fn no_stored_item_shows_a_secret_or_a_key() -> Result<()> {
    let (api, receiver) = (Api::start().await?, Receiver::start(&[]).await?);
    let made = use_every_secret(&api, &receiver, &receiver).await?;
    api.idle().await?;
    let stored = stored_items(&api.stack.stores_url).await?;
    assert!(stored.contains("agt_abc123") && stored.contains("event_phone_call_ended"), "those are the stored items");
    let chosen = CHOSEN.into_iter().filter(|secret| !secret.starts_with("body")).map(str::to_owned);
    for secret in chosen.chain(made).chain([TEST_KEY.to_owned(), LIVE_KEY.to_owned()]) {
        assert!(!stored.contains(&secret), "{secret} is in the store");
    }
    Ok(())
}

#[tokio::test]
async fn a_webhook_snapshot_in_a_message_shows_no_secret() -> Result<()> {
    let (api, receiver) = (Api::start().await?, Receiver::start(&[]).await?);
    let made = use_every_secret(&api, &receiver, &receiver).await?;
    let (store, [tenant, _]) = (api.store().await?, local::demo::tenants());
    let webhooks = store.webhooks(&tenant).await?;
    let snapshots = webhooks.iter().map(|webhook| store.snapshot(&tenant, webhook)).collect::<Result<Vec<_>, _>>()?;
    let snapshots: String = snapshots.iter().map(|snapshot| snapshot.get()).collect();
    assert!(webhooks.iter().all(|webhook| snapshots.contains(&webhook.url)), "those are the webhooks");
    for secret in CHOSEN.into_iter().map(str::to_owned).chain(made) {
        assert!(!snapshots.contains(&secret), "{secret} is in a message");
    }
    Ok(())
}

#[tokio::test]
async fn a_rotated_sealing_key_opens_what_it_sealed_and_seals_no_more() -> Result<()> {
    let (old, new) =
        ("old:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "new:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=");
    let stores = Stores::start(&DataLocation::Memory, 0).await?;
    let at = StoresAt::Url(stores.url.clone());
    let first = Api::on(&at, &[("SEALING_KEYS", old)]).await?;
    let webhook = first.set_webhook(AGENT, "https://a.example").await?;
    let other = first.set_webhook(OTHER_AGENT, "https://b.example").await?;
    first.stack.stop().await;
    let both = Api::on(&at, &[("SEALING_KEYS", &format!("{new},{old}"))]).await?;
    let path = format!("/agentphone/v1/agents/{AGENT}/webhook");
    assert_eq!(both.get(&path).await?.body, webhook);
    assert!(stored_items(&stores.url).await?.contains("old."));
    let again = both.set_webhook(AGENT, "https://a.example").await?;
    let reseal = async || administer(&both.app, json!({ "command": "reseal", "project": "demo" })).await;
    assert_eq!(
        reseal().await?,
        json!({ "project": "demo", "resealed": 1, "done": true }),
        "the other webhook was set again"
    );
    assert_eq!(reseal().await?["resealed"], 0);
    assert!(!stored_items(&stores.url).await?.contains("old."));
    both.stack.stop().await;
    let rotated = Api::on(&at, &[("SEALING_KEYS", new)]).await?;
    assert_eq!(rotated.get(&path).await?.body, again);
    assert_eq!(rotated.get(&path.replace(AGENT, OTHER_AGENT)).await?.body, other);
    rotated.stack.stop().await;
    let lost = Api::on(&at, &[("SEALING_KEYS", old)]).await?;
    assert_eq!(lost.get(&path).await?.status, 503, "a missing key is an internal error");
    Ok(())
}
