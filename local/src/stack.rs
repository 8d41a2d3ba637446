//! The whole local stack: stores, API, pollers, schedule, inbox. The tests start it too, with settings of their own.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use axum::Router;
use functions::dialects::DIALECTS;
use rules::settings::Settings;
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;
use usecases::app::App;

use crate::policy::Policy;
use crate::stores::{DataLocation, Stores};
use crate::template::Template;
use crate::{aws, demo, gateway, inbox, pollers, provision, schedule};

/// How long a stop waits for batches in progress. The next start handles unfinished batches again.
const STOP_TIMEOUT: Duration = Duration::from_secs(10);

/// The sealing key of local stacks. The key is public, because local data never leaves the machine.
pub const SEALING_KEYS: &str = "local:c3dpdGNoaG9vaydzIGxvY2FsIHN0YWNrJ3Mga2V5ISE=";

/// Settings that differ locally from the template's defaults, because receivers run on this machine.
pub const LOCAL_SETTINGS: [(&str, &str); 3] =
    [("REQUIRE_HTTPS", "false"), ("ALLOWED_NETWORKS", "127.0.0.0/8,::1/128"), ("SEALING_KEYS", SEALING_KEYS)];

/// A setting of local stacks alone: the seconds for which a queue hides a message in flight, instead of the template's
/// value. With a short time, the messages of an interrupted function are soon visible again.
const VISIBILITY: &str = "VISIBILITY_TIMEOUT_S";

/// Where the stores run.
#[derive(Debug, Clone)]
pub enum StoresAt {
    /// Embedded in this process.
    Embedded(DataLocation),
    /// In another process, which serves them at this URL.
    Url(String),
}

/// A running stack.
#[derive(Debug)]
pub struct Stack {
    /// The URL of the API.
    pub url: String,
    /// The URL of the stores, both DynamoDB and SQS.
    pub stores_url: String,
    /// The functions' permissions, and those that they have used.
    pub policy: Policy,
    stores: Option<Stores>,
    server: JoinHandle<()>,
    workers: Vec<JoinSet<()>>,
    stop_workers: CancellationToken,
    stop_server: CancellationToken,
}

impl Stack {
    /// Starts everything, with the API on 127.0.0.1 at `port` (0 picks a free port). `setting` takes the name of an
    /// environment variable, and may return a value to use instead of the template's.
    ///
    /// # Errors
    /// Where the port is taken, the stores cannot be used, or a setting is wrong.
    pub async fn start(port: u16, stores_at: &StoresAt, setting: impl Fn(&str) -> Option<String>) -> Result<Self> {
        Self::start_with(port, stores_at, setting, async |_| {}).await
    }

    /// Like [`Stack::start`], but `change` may alter the functions' [`App`] first, for example set its clock.
    ///
    /// # Errors
    /// As for [`Stack::start`].
    pub async fn start_with(
        port: u16,
        stores_at: &StoresAt,
        setting: impl Fn(&str) -> Option<String>,
        change: impl AsyncFnOnce(&mut App),
    ) -> Result<Self> {
        let template = read_template(&setting)?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))
            .await
            .with_context(|| format!("port {port}; `--port` takes another"))?;
        let url = format!("http://{}", listener.local_addr()?);
        let Provisioned { stores, stores_url, sqs, references, policy, mut app } =
            provision_stores(&template, stores_at, setting).await?;
        change(&mut app).await;
        let app = Arc::new(app);

        let (stop_workers, stop_server) = (CancellationToken::new(), CancellationToken::new());
        let router = gateway::router(&template, &app)?.merge(inbox::router(&app));
        let server = tokio::spawn(serve(listener, router, stop_server.clone()));
        let workers = vec![
            pollers::start(&template, &references, &sqs, &app, &stop_workers).await?,
            schedule::start(&template, &app, &stop_workers),
        ];
        Ok(Self { url, stores_url, policy, stores, server, workers, stop_workers, stop_server })
    }

    /// Stops the workers once their batches are done, then the API, then the stores.
    pub async fn stop(mut self) {
        self.stop_workers.cancel();
        let workers = async {
            for workers in &mut self.workers {
                while workers.join_next().await.is_some() {}
            }
        };
        if tokio::time::timeout(STOP_TIMEOUT, workers).await.is_err() {
            tracing::warn!("some deliveries were interrupted; they are made again after the next start");
        }
        drop(self.workers);
        self.stop_server.cancel();
        if tokio::time::timeout(STOP_TIMEOUT, &mut self.server).await.is_err() {
            self.server.abort();
        }
        if let Some(stores) = self.stores {
            stores.stop().await;
        }
    }
}

fn read_template(setting: impl Fn(&str) -> Option<String>) -> Result<Template> {
    let mut template = Template::built_in().context("template.yaml")?;
    if let Some(seconds) = setting(VISIBILITY) {
        let seconds = seconds.parse().with_context(|| format!("{VISIBILITY} is not a number of seconds"))?;
        template.queues.values_mut().for_each(|queue| queue.visibility_timeout_s = seconds);
    }
    Ok(template)
}

/// Stores with every table and queue of the template, and an [`App`] on them.
struct Provisioned {
    stores: Option<Stores>,
    stores_url: String,
    sqs: aws_sdk_sqs::Client,
    references: BTreeMap<String, String>,
    policy: Policy,
    app: App,
}

async fn provision_stores(
    template: &Template,
    stores_at: &StoresAt,
    setting: impl Fn(&str) -> Option<String>,
) -> Result<Provisioned> {
    let (stores, stores_url, config) = match stores_at {
        StoresAt::Url(url) => (None, url.clone(), aws::config(url).await),
        StoresAt::Embedded(location) => {
            let stores = Stores::start(location, 0).await?;
            let mut config = aws::config(&stores.url).await.into_builder().http_client(stores.http_client());
            // Without credentials, no request is signed.
            config.set_credentials_provider(None);
            let config = config.build();
            let url = stores.url.clone();
            (Some(stores), url, config)
        }
    };
    let policy = Policy::of(template);
    let dynamodb = aws_sdk_dynamodb::config::Builder::from(&config).interceptor(policy.clone()).allow_no_auth().build();
    let sqs = aws_sdk_sqs::config::Builder::from(&config).interceptor(policy.clone()).allow_no_auth().build();
    let (dynamodb, sqs) = (aws_sdk_dynamodb::Client::from_conf(dynamodb), aws_sdk_sqs::Client::from_conf(sqs));
    let references = provision::provision(template, &dynamodb, &sqs, &remedy_for_outdated_data(stores_at)).await;
    let references = references.with_context(|| format!("the stores at {stores_url}"))?;
    let settings = Settings::read(|name| setting(name).or_else(|| value(template, &references, name)))?;
    let app = App::new(settings, DIALECTS, dynamodb, sqs.clone());
    demo::seed(&app).await?;
    Ok(Provisioned { stores, stores_url, sqs, references, policy, app })
}

/// How a developer replaces data of an earlier version.
fn remedy_for_outdated_data(stores_at: &StoresAt) -> String {
    match stores_at {
        StoresAt::Embedded(DataLocation::Folder(folder)) => {
            format!("delete the folder {} or use another --data-dir", folder.display())
        }
        StoresAt::Embedded(DataLocation::Memory) => "start again".to_owned(),
        StoresAt::Url(_) => "delete the data folder of these stores or start them with another --data-dir".to_owned(),
    }
}

/// The [`App`] of functions without a running stack, and the stores if they are embedded in this process.
///
/// # Errors
/// As for [`Stack::start`].
pub async fn app_on_stores(
    stores_at: &StoresAt,
    setting: impl Fn(&str) -> Option<String>,
) -> Result<(Option<Stores>, App)> {
    let Provisioned { stores, app, .. } = provision_stores(&read_template(&setting)?, stores_at, setting).await?;
    Ok((stores, app))
}

/// Prepares the stores at `url` for functions in processes of their own. Returns the functions' environment variables.
///
/// # Errors
/// As for [`Stack::start`].
pub async fn environment(url: &str, setting: impl Fn(&str) -> Option<String>) -> Result<BTreeMap<String, String>> {
    let template = read_template(&setting)?;
    let Provisioned { references, .. } = provision_stores(&template, &StoresAt::Url(url.to_owned()), &setting).await?;
    let names = template.environment.keys().map(String::as_str);
    let names = names.chain(LOCAL_SETTINGS.iter().map(|(name, _)| *name));
    let of = |name: &str| setting(name).or_else(|| value(&template, &references, name));
    let mut environment: BTreeMap<_, _> =
        names.filter_map(|name| of(name).map(|value| (name.to_owned(), value))).collect();
    environment.extend(aws::environment(url));
    Ok(environment)
}

/// An environment variable's value: the local setting if there is one, else the template's.
fn value(template: &Template, references: &BTreeMap<String, String>, name: &str) -> Option<String> {
    let local = LOCAL_SETTINGS.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
    local.or_else(|| {
        let target = template.environment.get(name)?;
        references.get(target).or_else(|| template.parameters.get(target)).cloned()
    })
}

async fn serve(listener: TcpListener, router: Router, stop: CancellationToken) {
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    if let Err(error) = axum::serve(listener, service).with_graceful_shutdown(stop.cancelled_owned()).await {
        tracing::error!(%error, "the API stopped");
    }
}
