//! The demo project: an API key and two agents in each environment, so that a newcomer can start at once.

use anyhow::Result;
use clients::store::api_keys::NewApiKey;
use domain::{AgentId, Environment, Permission, ProjectId, Tenant};
use usecases::app::App;

/// The key of the test environment.
pub const TEST_KEY: &str = "sk_test_switchhook_local";
/// The key of the live environment.
pub const LIVE_KEY: &str = "sk_live_switchhook_local";
/// The agents and their names.
pub const AGENTS: [(&str, Option<&str>); 2] =
    [("agt_abc123", None), ("9fbef0b7-8d4e-4a08-9207-66c22155721d", Some("My Agent"))];

/// The demo project's two tenants.
#[must_use]
pub fn tenants() -> [Tenant; 2] {
    [Environment::Test, Environment::Live].map(|environment| Tenant { project: ProjectId::new("demo"), environment })
}

/// Creates the keys and agents that do not exist yet.
pub(crate) async fn seed(app: &App) -> Result<()> {
    for tenant in tenants() {
        let key = match tenant.environment {
            Environment::Test => TEST_KEY,
            Environment::Live => LIVE_KEY,
        };
        app.store.create_project(&tenant.project, app.clock.now()).await?;
        app.store
            .put_api_key(
                key,
                &tenant,
                NewApiKey {
                    name: Some("demo".to_owned()),
                    permissions: Permission::ALL.into(),
                    created_at: app.clock.now(),
                    expires_at: None,
                },
            )
            .await?;
        for (id, name) in AGENTS {
            let id = AgentId::parse(id)?;
            if app.store.agent(&tenant, &id).await?.is_none() {
                app.store.put_agent(&tenant, &id, name, app.clock.now()).await?;
            }
        }
    }
    Ok(())
}

/// The text that a start prints for a newcomer: URLs, API keys, agents, and first requests to try.
#[must_use]
pub fn welcome(url: &str, stores_url: &str) -> String {
    let [(agent, _), (other, _)] = AGENTS;
    format!(
        r#"Switchhook runs at {url}

  API key   {TEST_KEY}   (live: {LIVE_KEY})
  agents    {agent}, {other}
  inbox     {url}/inbox   shows what it received, and whether each signature verified
  stores    {stores_url}   DynamoDB and SQS, as AWS_ENDPOINT_URL

Register a webhook for an agent, as AgentPhone's customers do:

  curl -X POST {url}/agentphone/v1/agents/{agent}/webhook \
    -H 'Authorization: Bearer {TEST_KEY}' \
    -d '{{"url": "{url}/inbox"}}'

Publish an event, as a platform does:

  curl -X POST {url}/v1/events \
    -H 'Authorization: Bearer {TEST_KEY}' \
    -d '{{"type": "message.received", "agent_id": "{agent}", "channel": "sms", "data": {{"message": "Hello"}}}}'

Then look into the inbox:

  curl {url}/inbox
"#
    )
}
