//! The local stack as `cargo run` starts it: the functions and the stores in one process.

use std::path::{Path, PathBuf};
use std::{fs, process};

use anyhow::{Context, Result};
use serde::Serialize;

use crate::process::Process;

/// Where the stores keep their data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Location {
    Disk,
    Memory,
}

impl Location {
    /// Its name in the tables.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Disk => "on disk",
            Self::Memory => "in memory",
        }
    }
}

/// A folder for the stores' data, beside this program. It is removed when this value is dropped.
struct DataFolder(PathBuf);

impl DataFolder {
    fn new() -> Result<Self> {
        let program = std::env::current_exe()?;
        // The program is `target/release/switchhook-bench`, so the folder is in `target/bench-data`.
        let target = program.parent().and_then(Path::parent).context("the folder `target`")?;
        let folder = target.join("bench-data").join(process::id().to_string());
        remove(&folder)?;
        Ok(Self(folder))
    }
}

impl Drop for DataFolder {
    fn drop(&mut self) {
        if let Err(error) = remove(&self.0) {
            tracing::warn!(%error, folder = %self.0.display(), "the data could not be removed");
        }
    }
}

fn remove(folder: &Path) -> std::io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// A running local stack.
pub(crate) struct OneProcess {
    pub(crate) process: Process,
    /// Declared after the process, and so dropped after it.
    _folder: Option<DataFolder>,
}

impl OneProcess {
    /// Starts a stack with empty stores.
    pub(crate) async fn start(location: Location) -> Result<Self> {
        let folder = match location {
            Location::Disk => Some(DataFolder::new()?),
            Location::Memory => None,
        };
        let process = match &folder {
            Some(folder) => Process::start(&["functions", "--data-dir", folder.0.to_str().context("UTF-8")?]).await,
            None => Process::start(&["functions", "--in-memory"]).await,
        };
        Ok(Self { process: process?, _folder: folder })
    }

    /// Ends the process, and removes its data.
    pub(crate) async fn stop(self) -> Result<()> {
        self.process.stop().await
    }
}
