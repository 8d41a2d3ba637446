//! Projects and keys: `admin` creates them, a key's permissions limit its calls, and a deleted project is gone.

use std::time::Duration;

use anyhow::{Context, Result};
use clients::store::api_keys::NewApiKey;
use domain::{Environment, Permission, ProjectId, Tenant};
use functions::admin::administer;
use functions::find_function::endpoints;
use local::aws;
use serde_json::{Value, json};
use tokio::process::Command;

use crate::receiver::Receiver;
use crate::stack::{Api, Client, wait_until};

/// Runs a command for the project `acme`.
async fn run_command(api: &Api, mut command: Value) -> Result<Value> {
    command["project"] = json!("acme");
    Ok(administer(&api.app, command).await?)
}

/// Creates a key of `acme`'s test environment, and a client with that key.
async fn create_key(api: &Api, permissions: &[&str]) -> Result<(Value, Client)> {
    let command = json!({ "command": "create_key", "environment": "test", "permissions": permissions });
    let made = run_command(api, command).await?;
    let client = Client::new(&api.stack.url, made["key"].as_str().context("shown")?);
    Ok((made, client))
}

async fn start() -> Result<Api> {
    let api = Api::start().await?;
    assert_eq!(run_command(&api, json!({ "command": "create_project" })).await?, json!({ "project": "acme" }));
    Ok(api)
}

#[tokio::test]
async fn a_key_may_do_what_its_permissions_say_on_every_route() -> Result<()> {
    let api = start().await?;
    let mut clients = Vec::new();
    for permission in Permission::ALL {
        clients.push((permission, create_key(&api, &[permission.as_str()]).await?.1));
    }
    for (function, endpoint) in endpoints() {
        for (permission, client) in &clients {
            let path = endpoint.path.replace(['{', '}'], "");
            let answer = client.send(endpoint.method.parse()?, &path, "{}").await?;
            let implied = (endpoint.permission, *permission) == (Permission::Read, Permission::Manage);
            let may = implied || endpoint.permission == *permission;
            assert_eq!(answer.status != 403, may, "{} with a key that may {permission:?}: {answer:?}", function.name);
            assert_ne!(answer.status, 401);
        }
    }
    let [_, (_, publisher), (_, reader)] = &clients[..] else { anyhow::bail!("three") };
    let refused = publisher.get("/agentphone/v1/webhooks").await?.body;
    assert_eq!(refused, json!({ "detail": "The API key may not read." }));
    let refused = reader.post("/v1/events", &json!({ "type": "a", "data": {} })).await?.body;
    assert_eq!(refused, json!({ "error": { "code": "forbidden", "message": "The API key may not publish." } }));
    let refused = reader.post("/casey/v1/backend/webhooks", &json!({})).await?.body;
    assert_eq!(refused, json!({ "error": { "code": "forbidden", "message": "The API key may not manage" } }));
    let refused = reader.post("/talkover/api/v1/agents/a/webhooks", &json!({})).await?.body;
    assert_eq!(refused, json!({ "message": "The token may not manage." }));
    Ok(())
}

#[tokio::test]
async fn a_key_opens_nothing_once_it_is_revoked_or_has_expired() -> Result<()> {
    let api = start().await?;
    let (made, client) = create_key(&api, &["read"]).await?;
    let lasting = json!({ "command": "create_key", "environment": "live", "permissions": ["read"], "expires_in_days": 1, "name": "b" });
    let other = run_command(&api, lasting).await?;
    let listed = run_command(&api, json!({ "command": "list_keys" })).await?["keys"].clone();
    let names: Vec<_> =
        listed.as_array().context("keys")?.iter().map(|key| (&key["environment"], &key["expired"])).collect();
    assert_eq!(names.len(), 2);
    assert!(names.contains(&(&json!("live"), &json!(false))));
    assert!(!listed.to_string().contains(other["key"].as_str().context("shown once")?));
    assert_eq!(client.get("/v1/agents").await?.status, 200);
    run_command(&api, json!({ "command": "revoke_key", "id": made["id"] })).await?;
    let is_refused = async || Ok((client.get("/v1/agents").await?.status == 401).then_some(()));
    wait_until("the key's end", is_refused).await?;
    let again = run_command(&api, json!({ "command": "revoke_key", "id": made["id"] })).await.unwrap_err();
    assert_eq!(again.to_string(), "there is no such key");

    let later = Api::with_app(|app| {
        let now = app.clock.clone();
        app.clock = domain::time::Clock::from_fn(move || now.now().plus(Duration::from_secs(86_401)));
    })
    .await?;
    let (store, [tenant, _]) = (later.store().await?, local::demo::tenants());
    let now = api.app.clock.now();
    let reading = [domain::Permission::Read].into();
    let expires_at = Some(now.plus(Duration::from_secs(86_400)));
    store
        .put_api_key(
            "sk_test_expired",
            &tenant,
            NewApiKey { name: None, permissions: reading, created_at: now, expires_at },
        )
        .await?;
    assert_eq!(Client::new(&later.stack.url, "sk_test_expired").get("/v1/agents").await?.status, 401);
    Ok(())
}

#[tokio::test]
async fn an_invalid_command_is_refused_with_a_reason() -> Result<()> {
    let api = start().await?;
    for (command, why) in [
        (json!({ "command": "create_project" }), "the project exists already"),
        (json!({ "command": "drop" }), "the command is not valid: unknown variant `drop`"),
        (json!({ "command": "create_key", "environment": "test", "permissions": [] }), "permissions: at least one"),
        (json!({ "command": "create_key", "environment": "test", "permissions": ["all"] }), "unknown variant `all`"),
        (
            json!({ "command": "create_key", "environment": "test", "permissions": ["read"], "expires_in_days": 0 }),
            "1 to 3650",
        ),
        (
            json!({ "command": "create_key", "environment": "test", "permissions": ["read"], "name": "" }),
            "name: 1 to 255",
        ),
        (json!({ "command": "revoke_key", "id": "key_0" }), "there is no such key"),
        (json!({ "command": "list_keys", "colour": 1 }), "unknown field `colour`"),
    ] {
        let refusal = run_command(&api, command.clone()).await.unwrap_err().to_string();
        assert!(refusal.contains(why), "{command}: {refusal}");
    }
    let elsewhere =
        json!({ "command": "create_key", "project": "none", "environment": "test", "permissions": ["read"] });
    assert_eq!(administer(&api.app, elsewhere).await.unwrap_err().to_string(), "there is no such project");
    let no_id = json!({ "command": "create_project", "project": "a#b" });
    assert!(administer(&api.app, no_id).await.unwrap_err().to_string().contains("1 to 64 of a-z"));
    Ok(())
}

#[tokio::test]
async fn a_deleted_project_leaves_nothing_of_its_own() -> Result<()> {
    let (api, receiver) = (start().await?, Receiver::start(&[]).await?);
    let (_, client) = create_key(&api, &["manage", "publish"]).await?;
    assert_eq!(client.put("/v1/agents/agt_theirs", &json!({})).await?.status, 201);
    client.set_webhook("agt_theirs", &receiver.url("/")).await?;
    let theirs = json!({ "url": receiver.url("/"), "event_types": ["n"] });
    assert_eq!(client.post("/casey/v1/backend/webhooks", &theirs).await?.status, 201);
    let events = vec![json!({ "type": "n", "agent_id": "agt_theirs", "data": {} }); 60];
    let (store, tenant) =
        (api.store().await?, Tenant { project: ProjectId::new("acme"), environment: Environment::Test });
    for _ in 0..2 {
        client.post("/v1/events", &json!({ "events": events })).await?;
        api.idle().await?;
        for webhook in store.webhooks(&tenant).await? {
            store.spread_log(&tenant, &webhook, 16, domain::time::Timestamp::from_millis(0)).await?;
        }
    }
    let dynamodb = aws_sdk_dynamodb::Client::new(&aws::config(&api.stack.stores_url).await);
    let partitions = async || {
        let mut of_acme = Vec::new();
        for table in ["ConfigTable", "LogTable"] {
            let mut items = dynamodb.scan().table_name(table).into_paginator().items().send();
            while let Some(item) = items.next().await {
                let partition = item?["pk"].as_s().cloned().unwrap_or_default();
                of_acme.extend(Some(partition).filter(|partition| partition.contains("acme")));
            }
        }
        anyhow::Ok(of_acme)
    };
    assert!(partitions().await?.len() > 240, "two deliveries for each event");
    let demo = api.get("/v1/agents").await?.body;
    let stopped = administer(&api.app, json!({ "command": "delete_project", "project": "acme" })).await?;
    assert_eq!(stopped, json!({ "project": "acme", "done": true }));
    assert_eq!(partitions().await?, Vec::<String>::new());
    assert_eq!(api.get("/v1/agents").await?.body, demo);
    Ok(())
}

#[tokio::test]
async fn the_command_line_administers_the_same_stores() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let run = async |event: Value| {
        let output = Command::new(env!("CARGO_BIN_EXE_switchhook-under-test"))
            .args(["--data-dir", folder.path().to_str().context("UTF-8")?, "admin", &event.to_string()])
            .output()
            .await?;
        anyhow::Ok((output.status.success(), String::from_utf8(output.stdout)?, String::from_utf8(output.stderr)?))
    };
    let made = run(json!({ "command": "create_project", "project": "acme" })).await?;
    assert_eq!((made.0, serde_json::from_str::<Value>(&made.1)?), (true, json!({ "project": "acme" })), "{}", made.2);
    let refused = run(json!({ "command": "create_project", "project": "acme" })).await?;
    assert!(!refused.0 && refused.2.contains("the project exists already"), "{refused:?}");
    Ok(())
}
