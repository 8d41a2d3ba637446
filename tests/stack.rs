//! A stack to test, and clients of its API.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use aws_sdk_dynamodb::Client as DynamoDb;
use aws_sdk_sqs::Client as Sqs;
use aws_sdk_sqs::types::QueueAttributeName;
use clients::store::Store;
use clients::store::api_keys::NewApiKey;
use domain::{Environment, Permission, ProjectId, Tenant};
use http::Method;
use local::aws;
use local::demo::TEST_KEY;
use local::stack::{Stack, StoresAt};
use local::stores::DataLocation;
use rules::settings::Settings;
use serde_json::Value;
use usecases::app::App;

pub(crate) const AGENT: &str = "agt_abc123";
pub(crate) const OTHER_AGENT: &str = "9fbef0b7-8d4e-4a08-9207-66c22155721d";

/// How long [`wait_until`] waits before it fails the test.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Waits until `look` returns a value, and returns that value.
pub(crate) async fn wait_until<T>(what: &str, mut look: impl AsyncFnMut() -> Result<Option<T>>) -> Result<T> {
    let start = Instant::now();
    loop {
        if let Some(found) = look().await? {
            return Ok(found);
        }
        ensure!(start.elapsed() < PATIENCE, "waited for {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A running stack, and a client with an API key.
pub(crate) struct Api {
    pub(crate) stack: Stack,
    /// The `App` of the functions.
    pub(crate) app: App,
    client: Client,
}

/// A client with an API key.
#[derive(Clone)]
pub(crate) struct Client {
    url: String,
    key: String,
    http: reqwest::Client,
}

/// An answer's status, and its body as JSON: `null` if the body is empty.
#[derive(Debug, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Value,
}

impl std::ops::Deref for Api {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

impl Api {
    /// Starts a stack in memory that retries after a second.
    pub(crate) async fn start() -> Result<Self> {
        Self::with(&[]).await
    }

    /// Like [`Api::start`], but the stack's own `sweep` finds nothing. It is for a test that runs `sweep` itself, or
    /// sets another clock.
    pub(crate) async fn unswept() -> Result<Self> {
        Self::with(&[("SWEEP_AFTER", "3650d")]).await
    }

    /// Like [`Api::start`], with these settings.
    pub(crate) async fn with(settings: &[(&str, &str)]) -> Result<Self> {
        Self::on(&StoresAt::Embedded(DataLocation::Memory), settings).await
    }

    /// Starts a stack on these stores.
    pub(crate) async fn on(stores: &StoresAt, settings: &[(&str, &str)]) -> Result<Self> {
        Self::changed(stores, settings, |_| {}).await
    }

    /// Like [`Api::start`], but `change` may alter the functions' `App` first.
    pub(crate) async fn with_app(change: impl FnOnce(&mut App)) -> Result<Self> {
        Self::changed(&StoresAt::Embedded(DataLocation::Memory), &[], change).await
    }

    async fn changed(stores: &StoresAt, settings: &[(&str, &str)], change: impl FnOnce(&mut App)) -> Result<Self> {
        Self::changed_async(stores, settings, async |app: &mut App| change(app)).await
    }

    /// Starts a stack on these stores. `change` may alter the functions' `App` first, and may await.
    pub(crate) async fn changed_async(
        stores: &StoresAt,
        settings: &[(&str, &str)],
        change: impl AsyncFnOnce(&mut App),
    ) -> Result<Self> {
        let mut all = HashMap::from([("RETRY_SCHEDULE", "1s,1s,1s,1s,1s"), ("RETRY_JITTER", "0")]);
        all.extend(settings.iter().copied());
        let setting = |name: &str| all.get(name).map(|&value| value.to_owned());
        let mut app = None;
        let change_and_copy = async |functions_app: &mut App| {
            change(functions_app).await;
            app = Some(functions_app.clone());
        };
        let stack = Stack::start_with(0, stores, setting, change_and_copy).await?;
        let client = Client::new(&stack.url, TEST_KEY);
        Ok(Self { stack, app: app.context("no App")?, client })
    }

    /// A store on the stack's tables.
    pub(crate) async fn store(&self) -> Result<Store> {
        let settings = test_settings()?;
        Ok(Store::new(DynamoDb::new(&aws::config(&self.stack.stores_url).await), &settings))
    }

    /// Creates another project, and a client with its key.
    pub(crate) async fn project(&self, project: &str) -> Result<Client> {
        let tenant = Tenant { project: ProjectId::new(project), environment: Environment::Test };
        let key = format!("sk_test_{project}");
        let (store, now) = (self.store().await?, self.app.clock.now());
        store.create_project(&tenant.project, now).await?;
        store
            .put_api_key(
                &key,
                &tenant,
                NewApiKey { name: None, permissions: Permission::ALL.into(), created_at: now, expires_at: None },
            )
            .await?
            .context("made")?;
        Ok(Client::new(&self.stack.url, &key))
    }

    /// Waits until no queue holds a message, whether visible, delayed or in flight. Then every published event is done.
    pub(crate) async fn idle(&self) -> Result<()> {
        wait_until("empty queues", async || Ok((self.messages().await? == 0).then_some(()))).await
    }

    /// The number of messages in the queues, whether visible, delayed or in flight.
    pub(crate) async fn messages(&self) -> Result<usize> {
        let mut messages = 0;
        for queue in ["EventsQueue", "DeliveriesQueue", "RetriesQueue", "TasksQueue"] {
            messages += self.queue_length(queue).await?;
        }
        Ok(messages)
    }

    /// Puts a message into a queue, as a platform in the same account does.
    pub(crate) async fn enqueue(&self, queue: &str, body: &str) -> Result<()> {
        let sqs = self.sqs().await;
        sqs.send_message().queue_url(queue_url_of(queue)).message_body(body).send().await?;
        Ok(())
    }

    /// Removes every message from a queue.
    pub(crate) async fn purge(&self, queue: &str) -> Result<()> {
        self.sqs().await.purge_queue().queue_url(queue_url_of(queue)).send().await?;
        Ok(())
    }

    async fn sqs(&self) -> Sqs {
        Sqs::new(&aws::config(&self.stack.stores_url).await)
    }

    /// The number of messages in a queue, whether visible, delayed or in flight.
    pub(crate) async fn queue_length(&self, queue: &str) -> Result<usize> {
        queue_length(&self.stack.stores_url, queue).await
    }
}

impl Client {
    pub(crate) fn new(url: &str, key: &str) -> Self {
        Self { url: url.to_owned(), key: key.to_owned(), http: reqwest::Client::new() }
    }

    /// The same client with another key.
    pub(crate) fn with_key(&self, key: &str) -> Self {
        Self { key: key.to_owned(), ..self.clone() }
    }

    /// Sends a request with exactly `body`.
    pub(crate) async fn send(&self, method: Method, path: &str, body: impl Into<reqwest::Body>) -> Result<Answer> {
        self.send_with(method, path, body, &[]).await
    }

    /// Like [`Client::send`], with additional headers.
    pub(crate) async fn send_with(
        &self,
        method: Method,
        path: &str,
        body: impl Into<reqwest::Body>,
        headers: &[(&str, &str)],
    ) -> Result<Answer> {
        let mut request = self.http.request(method, format!("{}{path}", self.url)).bearer_auth(&self.key).body(body);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request.send().await?;
        let (status, bytes) = (response.status().as_u16(), response.bytes().await?);
        let body = if bytes.is_empty() { Value::Null } else { serde_json::from_slice(&bytes)? };
        Ok(Answer { status, body })
    }

    pub(crate) async fn get(&self, path: &str) -> Result<Answer> {
        self.send(Method::GET, path, "").await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Result<Answer> {
        self.send(Method::POST, path, body.to_string()).await
    }

    pub(crate) async fn put(&self, path: &str, body: &Value) -> Result<Answer> {
        self.send(Method::PUT, path, body.to_string()).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Result<Answer> {
        self.send(Method::DELETE, path, "").await
    }

    /// Sets the webhook of an agent, and returns it.
    pub(crate) async fn set_webhook(&self, agent: &str, url: &str) -> Result<Value> {
        let path = format!("/agentphone/v1/agents/{agent}/webhook");
        self.expect(200, self.post(&path, &serde_json::json!({ "url": url })).await?)
    }

    /// Publishes an event, and returns its id.
    pub(crate) async fn publish(&self, event: &Value) -> Result<String> {
        let answer = self.expect(202, self.post("/v1/events", event).await?)?;
        answer["id"].as_str().map(str::to_owned).context("no id")
    }

    /// The deliveries of an agent's webhook, newest first.
    pub(crate) async fn deliveries(&self, agent: &str) -> Result<Vec<Value>> {
        let path = format!("/agentphone/v1/agents/{agent}/webhook/deliveries");
        let answer = self.expect(200, self.get(&path).await?)?;
        answer.as_array().cloned().context("no array")
    }

    /// Waits until the newest delivery of an agent's webhook has that status, and returns it.
    pub(crate) async fn delivery_with_status(&self, agent: &str, status: &str) -> Result<Value> {
        let newest = async || {
            let newest = self.deliveries(agent).await?.into_iter().next();
            Ok(newest.filter(|delivery| delivery["status"] == status))
        };
        wait_until(&format!("a delivery that is {status}"), newest).await
    }

    fn expect(&self, status: u16, answer: Answer) -> Result<Value> {
        if answer.status != status {
            bail!("{} instead of {status}: {}", answer.status, answer.body);
        }
        Ok(answer.body)
    }
}

/// The settings of a store or a function without a stack: those without a default, and those that the tests change.
pub(crate) fn test_settings() -> Result<Settings> {
    let value = |name: &str| {
        Some(match name {
            "CONFIG_TABLE" => "ConfigTable".to_owned(),
            "LOG_TABLE" => "LogTable".to_owned(),
            "RETRY_SCHEDULE" => "1s".to_owned(),
            "RETRY_JITTER" => "0".to_owned(),
            "REQUIRE_HTTPS" => "false".to_owned(),
            "ALLOWED_NETWORKS" => "127.0.0.0/8".to_owned(),
            "SEALING_KEYS" => local::stack::SEALING_KEYS.to_owned(),
            "LOG_SUCCESSES" => "0".to_owned(),
            other => other.strip_suffix("_URL").map(queue_url)?,
        })
    };
    Ok(Settings::read(value)?)
}

/// The number of messages in a queue of the stores at a URL, whether visible, delayed or in flight.
pub(crate) async fn queue_length(stores_url: &str, queue: &str) -> Result<usize> {
    let sqs = Sqs::new(&aws::config(stores_url).await);
    let attributes = sqs.get_queue_attributes().queue_url(queue_url_of(queue));
    let attributes = attributes.attribute_names(QueueAttributeName::All).send();
    let attributes = attributes.await?.attributes.unwrap_or_default();
    let number = |name| attributes.get(&name).and_then(|text| text.parse::<usize>().ok()).unwrap_or(0);
    Ok(number(QueueAttributeName::ApproximateNumberOfMessages)
        + number(QueueAttributeName::ApproximateNumberOfMessagesNotVisible)
        + number(QueueAttributeName::ApproximateNumberOfMessagesDelayed))
}

/// The URL of a variable's queue: `EVENTS_QUEUE` is the queue `EventsQueue`.
fn queue_url(variable: &str) -> String {
    let words = variable.split('_').map(|word| word[..1].to_owned() + &word[1..].to_lowercase());
    queue_url_of(&words.collect::<String>())
}

/// The URL of a queue. The embedded SQS reads only its last part.
pub(crate) fn queue_url_of(queue: &str) -> String {
    format!("http://localhost/{queue}")
}
