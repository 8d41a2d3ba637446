//! The embedded stores, DynamoDB (dynoxide) and SQS (winterbaume).
//!
//! Other processes speak HTTP to them, as to AWS: [`Stores::url`] serves both, so that one `AWS_ENDPOINT_URL` reaches them.
//! SDK clients in this process use [`Stores::http_client`], which needs no socket.

mod backend;
mod dynamodb;
mod front;
mod in_process;
mod journal;
mod queues;

use std::fs::{self, File, TryLockError};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use dynoxide::Database;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use self::backend::Backend;
use self::front::Front;
use self::journal::Journal;

/// Where the stores keep their data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DataLocation {
    /// In this folder, from one start to the next.
    Folder(PathBuf),
    /// In memory, until the process ends.
    Memory,
}

/// Running stores. They stop by [`Stores::stop`], or when this value is dropped.
#[derive(Debug)]
pub struct Stores {
    /// The URL of DynamoDB and SQS.
    pub url: String,
    /// The URL of DynamoDB alone, which avoids the hop through the shared address.
    pub dynamodb_url: String,
    front: Arc<Front>,
    stop: CancellationToken,
    servers: JoinSet<()>,
    /// Held while the stores run, because two processes must not use one folder.
    _lock: Option<File>,
}

impl Stores {
    /// Starts the stores on 127.0.0.1 at `port`; 0 picks a free port.
    ///
    /// # Errors
    /// Where the port is taken, or the folder cannot be used or is in use.
    pub async fn start(location: &DataLocation, port: u16) -> Result<Self> {
        let (database, journal, lock) = match location {
            DataLocation::Memory => (Database::memory()?, None, None),
            DataLocation::Folder(folder) => {
                let lock = lock_folder(folder)?;
                let (tables, queues) = (folder.join("dynamodb.sqlite"), folder.join("sqs.sqlite"));
                let database = Database::new(&text(&tables)?).with_context(|| tables.display().to_string())?;
                let journal = Journal::open(&queues).with_context(|| queues.display().to_string())?;
                (database, Some(journal), Some(lock))
            }
        };
        let stop = CancellationToken::new();
        let mut servers = JoinSet::new();

        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let dynamodb_url = url(listener.local_addr()?);
        let (stopped, served) = (stop.clone().cancelled_owned(), database.clone());
        servers.spawn(async move {
            if let Err(error) = dynoxide::server::serve_with_shutdown(listener, served, stopped).await {
                tracing::error!(error, "the embedded DynamoDB stopped");
            }
        });

        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))
            .await
            .with_context(|| format!("port {port}; `--port` takes another"))?;
        let address = listener.local_addr()?;
        let front = Arc::new(Front::new(database, dynamodb_url.clone(), Arc::new(Backend::open(journal)?)));
        servers.spawn(front::serve(listener, front.clone(), stop.clone()));
        Ok(Self { url: url(address), dynamodb_url, front, stop, servers, _lock: lock })
    }

    /// The HTTP client for SDK clients in this process. It works until the stores stop.
    #[must_use]
    pub fn http_client(&self) -> SharedHttpClient {
        in_process::http_client(&self.front)
    }

    /// Stops the stores once every request in progress is answered.
    pub async fn stop(mut self) {
        self.stop.cancel();
        while self.servers.join_next().await.is_some() {}
    }
}

fn lock_folder(folder: &Path) -> Result<File> {
    fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
    let path = folder.join("lock");
    let file = File::create(&path).with_context(|| format!("making {}", path.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => bail!("{} is in use by another process", folder.display()),
        Err(TryLockError::Error(error)) => Err(error).with_context(|| format!("locking {}", path.display())),
    }
}

fn text(path: &Path) -> Result<String> {
    path.to_str().map(str::to_owned).with_context(|| format!("{} is not UTF-8", path.display()))
}

fn url(address: SocketAddr) -> String {
    format!("http://{address}")
}
