//! The calls of the API reference, read from its pages. So a test of every route needs no list of bodies. Every route
//! has a call that succeeds: `tests/reference/calls.py` sees to it.

use std::path::Path;

use anyhow::{Context, Result};
use http::Method;
use serde_json::Value;

/// A call on a page, and the status of its answer there. `$ID` in its path is the id in the last answer that had one.
#[derive(Debug, Clone)]
pub(crate) struct DocumentedCall {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) body: String,
    pub(crate) status: u16,
}

impl DocumentedCall {
    pub(crate) fn succeeds(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The route that API Gateway takes for this call. A literal segment comes before a parameter.
    pub(crate) fn route<'a>(&self, routes: &'a [(Method, String)]) -> Option<&'a (Method, String)> {
        let path = self.path.split('?').next().unwrap_or_default();
        let fits = |route: &str| {
            path.split('/').count() == route.split('/').count()
                && path.split('/').zip(route.split('/')).all(|(segment, part)| segment == part || part.starts_with('{'))
        };
        let fitting = routes.iter().filter(|(method, route)| *method == self.method && fits(route));
        fitting.min_by_key(|(_, route)| route.matches('{').count())
    }

    /// The body, with `url` as the webhook's URL.
    pub(crate) fn body_for(&self, url: &str) -> String {
        match serde_json::from_str::<Value>(&self.body) {
            Ok(Value::Object(mut body)) => {
                for name in ["url", "webhook_url"] {
                    if let Some(value) = body.get_mut(name) {
                        *value = url.into();
                    }
                }
                Value::Object(body).to_string()
            }
            _ => self.body.clone(),
        }
    }
}

/// The calls of each page, in their order.
pub(crate) fn read_pages() -> Result<Vec<Vec<DocumentedCall>>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/api");
    let mut files: Vec<_> = folder.read_dir()?.map(|file| Ok(file?.path())).collect::<Result<_>>()?;
    files.sort();
    files.iter().map(|file| read_calls(&std::fs::read_to_string(file)?)).collect()
}

/// Reads each `sh` block with a `curl` whose next block is its answer: `json 200` or `text 204`.
fn read_calls(page: &str) -> Result<Vec<DocumentedCall>> {
    // Every second piece is the inside of a fence.
    let fences: Vec<&str> = page.split("```").skip(1).step_by(2).collect();
    let mut calls = Vec::new();
    for (block, answer) in fences.iter().zip(fences.iter().skip(1)) {
        let status = answer.lines().next().and_then(|line| line.split(' ').nth(1)?.parse().ok());
        if let (Some(command), Some(status)) = (block.strip_prefix("sh\n"), status) {
            calls.push(read_call(command, status).with_context(|| command.to_owned())?);
        }
    }
    Ok(calls)
}

fn read_call(command: &str, status: u16) -> Result<DocumentedCall> {
    let mut words = shlex::split(&command.replace("\\\n", "")).context("a command of a shell")?.into_iter().skip(1);
    let mut call = DocumentedCall { method: Method::GET, path: String::new(), body: String::new(), status };
    while let Some(word) = words.next() {
        match word.as_str() {
            "-X" => call.method = words.next().context("a method")?.parse()?,
            "-d" => call.body = words.next().context("a body")?,
            "-H" => drop(words.next()),
            _ => call.path = word.strip_prefix("$API").context("a URL of the API")?.to_owned(),
        }
    }
    Ok(call)
}
