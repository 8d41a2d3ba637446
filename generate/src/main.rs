//! `cargo regenerate`: writes every generated file. A new handler is found first, and the program started again with it.

use std::path::Path;
use std::process::Command;
use std::{env, fs};

use anyhow::{Context, Result, ensure};
use generate::{File, files, sources};

fn main() -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("the repository")?;
    if write(root, &sources::files(root)?)? > 0 {
        // This program was built without the new list.
        let status =
            Command::new(env!("CARGO")).args(["run", "--quiet", "--package", "switchhook-generate"]).status()?;
        ensure!(status.success(), "the handlers do not compile");
        return Ok(());
    }
    write(root, &files(root)?)?;
    Ok(())
}

/// Writes the files that differ; returns how many.
fn write(root: &Path, files: &[File]) -> Result<usize> {
    let mut written = 0;
    for file in files {
        let path = root.join(&file.path);
        if fs::read_to_string(&path).is_ok_and(|content| content == file.content) {
            continue;
        }
        fs::create_dir_all(path.parent().context("a folder")?)?;
        fs::write(&path, &file.content).with_context(|| path.display().to_string())?;
        written += 1;
    }
    Ok(written)
}
