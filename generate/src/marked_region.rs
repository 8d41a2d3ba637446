//! Marked regions of a file that is otherwise written by hand.

use anyhow::{Context, Result};

/// `text` with `content` in place of its region called `name`. The marks are comments that start with `#`, or with `//`.
///
/// # Errors
/// Where the text has no such region.
pub fn replace(text: &str, name: &str, content: &str) -> Result<String> {
    let start_mark = format!("<generated: {name}>");
    let start = text.find(&start_mark).with_context(|| format!("no region {start_mark}"))?;
    let (before, rest) = text.split_at(start + text.split_at(start).1.find('\n').context("the mark's line ends")? + 1);
    let end = rest.find("</generated>").with_context(|| format!("{start_mark} has no end"))?;
    let line = rest.split_at(end).0.rfind('\n').map_or(0, |line| line + 1);
    Ok(format!("{before}{content}{}", rest.split_at(line).1))
}
