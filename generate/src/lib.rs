//! Everything in the repository that repeats the code, made of the code.
//!
//! `cargo regenerate` writes these files; `tests/generated.rs` fails where one of them differs. A file that is only
//! partly generated has marked regions: `# <generated: NAME>` to `# </generated>`.
//!
//! | module | writes |
//! |---|---|
//! | [`sources`] | the list of functions, and the `pub mod` lines of handlers |
//! | [`template`] | parameters, variables, functions, queues, alarms and dashboard in `template.yaml` |
//! | [`watch`] | the routes and thin programs that `cargo lambda watch` needs |
//! | [`mod@reference`] | the tables in `docs/reference/` |

pub mod marked_region;
pub mod reference;
pub mod sources;
pub mod template;
pub mod watch;

use std::path::{Path, PathBuf};

use anyhow::Result;

/// A file and its whole content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Its path within the repository.
    pub path: PathBuf,
    /// Its content.
    pub content: String,
}

impl File {
    fn new(path: impl Into<PathBuf>, content: String) -> Self {
        Self { path: path.into(), content }
    }
}

/// Every generated file, as it has to be. `root` is the repository.
///
/// # Errors
/// Where a file cannot be read, or lacks a region's marks.
pub fn files(root: &Path) -> Result<Vec<File>> {
    let mut all = sources::files(root)?;
    all.push(template::file(root)?);
    all.extend(watch::files(root)?);
    all.extend(reference::files()?);
    Ok(all)
}
