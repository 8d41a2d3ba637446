//! An attempt within its delivery's item.

use std::collections::BTreeMap;

use domain::time::Timestamp;
use domain::{Attempt, AttemptTrigger};
use serde::{Deserialize, Serialize};

/// An attempt. The names are short, because a delivery may have ten of them.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct AttemptItem {
    #[serde(rename = "n")]
    pub(super) number: u32,
    #[serde(rename = "by", default, skip_serializing_if = "AttemptTrigger::is_automatic")]
    trigger: AttemptTrigger,
    pub(super) at: Timestamp,
    #[serde(rename = "ms")]
    pub(super) duration_ms: u32,
    #[serde(rename = "status", default, skip_serializing_if = "Option::is_none")]
    http_status: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(rename = "headers", default, skip_serializing_if = "BTreeMap::is_empty")]
    response_headers: BTreeMap<String, String>,
    #[serde(rename = "body", default, skip_serializing_if = "Option::is_none")]
    response_body: Option<String>,
}

impl From<&Attempt> for AttemptItem {
    fn from(attempt: &Attempt) -> Self {
        Self {
            number: attempt.number,
            trigger: attempt.trigger,
            at: attempt.at,
            duration_ms: attempt.duration_ms,
            http_status: attempt.http_status,
            error: attempt.error.clone(),
            response_headers: attempt.response_headers.iter().cloned().collect(),
            response_body: attempt.response_body.clone().filter(|body| !body.is_empty()),
        }
    }
}

impl From<AttemptItem> for Attempt {
    fn from(item: AttemptItem) -> Self {
        Self {
            number: item.number,
            trigger: item.trigger,
            at: item.at,
            duration_ms: item.duration_ms,
            response_body: item.response_body.or_else(|| item.http_status.map(|_| String::new())),
            http_status: item.http_status,
            error: item.error,
            response_headers: item.response_headers.into_iter().collect(),
        }
    }
}
