//! The embedded stores, DynamoDB (dynoxide) and SQS (winterbaume).
//!
//! Other processes speak HTTP to them, as to AWS: [`Stores::url`] serves both, so that one `AWS_ENDPOINT_URL` reaches them.
//! SDK clients in this process use [`Stores::http_client`], which needs no socket.
//!
//! A call is answered after its transaction is committed, so a SIGKILL loses nothing that was answered. Calls that wait at
//! the same moment share a transaction. A power failure may lose the last seconds.
//!
//! A backlog takes limited memory: on disk, bodies beyond 64 MiB of a queue are not in memory. A send waits while its
//! queue takes 128 MiB of memory, and a send with a delay while the queue takes 512 MiB. After 5 seconds, the send is
//! refused, and the SDK repeats it twice. The pollers see to it that the events queue is the one that becomes full, so publishing slows down to the
//! pace of the functions.

mod backend;
mod dynamodb;
mod front;
mod group;
mod in_process;
mod journal;
mod messages;
mod queues;
mod shared_queues;
mod tables;
mod tokens;

use std::fs::{self, File, TryLockError};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use self::front::Front;
use self::group::Group;
use self::journal::Journal;
use self::shared_queues::{LIMITS, SharedQueues};
use self::tables::Tables;

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
        let (tables, journal, lock) = match location {
            DataLocation::Memory => (Tables::in_memory()?, None, None),
            DataLocation::Folder(folder) => {
                let lock = lock_folder(folder)?;
                let (tables, queues) = (folder.join("dynamodb.sqlite"), folder.join("sqs.sqlite"));
                let tables = Tables::open(&tables).with_context(|| tables.display().to_string())?;
                let journal = Journal::open(&queues).with_context(|| queues.display().to_string())?;
                (tables, Some(journal), Some(lock))
            }
        };
        let stop = CancellationToken::new();
        let mut servers = JoinSet::new();

        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))
            .await
            .with_context(|| format!("port {port}; `--port` takes another"))?;
        let address = listener.local_addr()?;
        let front = Arc::new(Front::new(Group::new(tables), SharedQueues::open(journal, LIMITS)?));
        servers.spawn(front::serve(listener, front.clone(), stop.clone()));
        Ok(Self { url: format!("http://{address}"), front, stop, servers, _lock: lock })
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
