//! Every limit that a caller or an endpoint meets, from the constants that hold it: `docs/reference/limits.md` is made of
//! these.

use clients::send::{ANSWER_BYTES_KEPT, ANSWER_BYTES_READ_MAX, BODY_TIMEOUT, CONNECT_TIMEOUT};
use rules::header::NAME_BYTES_MAX;
use rules::retry::RETRY_AFTER_MAX;
use usecases::publish::{
    CONTENT_BYTES_MAX, EVENT_BYTES_MAX, EVENTS_MAX, HISTORY_BYTES_MAX, STATE_BYTES_MAX, TEXT_CHARS_MAX, TYPE_CHARS_MAX,
};
use usecases::webhooks::{PREVIOUS_SECRET_VALID, PREVIOUS_SECRETS_MAX};

use crate::admin;
use crate::dialects::DIALECTS;
use crate::http::read_request::BODY_BYTES_MAX;
use crate::native::schema::NAME_CHARS_MAX;
use crate::pipeline::publish_events::KEY_CHARS_MAX;

/// The limits of one API, or of all.
#[derive(Debug)]
pub struct Limits {
    /// The API or step that has them.
    pub of: &'static str,
    /// A row for each limited thing, with its limit.
    pub rows: Vec<(&'static str, String)>,
}

/// Every limit.
#[must_use]
pub fn list_limits() -> Vec<Limits> {
    let shared = [
        Limits { of: "publishing", rows: publishing() },
        Limits { of: "every call", rows: calls() },
        Limits { of: "deliveries", rows: deliveries() },
        Limits { of: "projects and keys", rows: projects() },
    ];
    let dialects = DIALECTS.0.iter().map(|dialect| Limits { of: dialect.name, rows: (dialect.limits)() });
    shared.into_iter().chain(dialects).collect()
}

fn publishing() -> Vec<(&'static str, String)> {
    vec![
        ("an event", format!("{EVENT_BYTES_MAX} bytes of JSON, without the characters U+FFFE and U+FFFF")),
        ("a request", format!("{EVENTS_MAX} events; 6 MiB as Lambda counts it, each quote escaped")),
        ("`type`", format!("{TYPE_CHARS_MAX} of `A-Z a-z 0-9 _ . -`")),
        ("`id`, `channel`, `conversation_id`", format!("{TEXT_CHARS_MAX} characters")),
        ("`conversation_state`", format!("{STATE_BYTES_MAX} bytes of JSON")),
        ("`Idempotency-Key`", format!("{KEY_CHARS_MAX} characters")),
        ("how long a repeat is recognized", "24 hours".to_owned()),
        (
            "a conversation's history",
            format!("the latest messages, {CONTENT_BYTES_MAX} bytes of each, {HISTORY_BYTES_MAX} in all"),
        ),
    ]
}

fn calls() -> Vec<(&'static str, String)> {
    vec![
        ("a body, but for publishing", format!("{BODY_BYTES_MAX} bytes")),
        ("a path and its query", "10,240 bytes".to_owned()),
        ("an agent's id", "128 of `A-Z a-z 0-9 _ . : -`".to_owned()),
        ("an agent's name", format!("{NAME_CHARS_MAX} characters")),
        ("a header's name that a customer sets", format!("{NAME_BYTES_MAX} characters, and none that deliveries set")),
        (
            "a rotated secret",
            format!(
                "signs for {} more hours, beside the new one and at most {PREVIOUS_SECRETS_MAX} old ones",
                PREVIOUS_SECRET_VALID.as_secs() / 3600
            ),
        ),
    ]
}

fn deliveries() -> Vec<(&'static str, String)> {
    vec![
        ("connecting", format!("{} seconds of an attempt's time", CONNECT_TIMEOUT.as_secs())),
        (
            "an answer's body",
            format!(
                "{ANSWER_BYTES_READ_MAX} bytes and {} seconds are read, {ANSWER_BYTES_KEPT} bytes are kept",
                BODY_TIMEOUT.as_secs()
            ),
        ),
        ("`Retry-After`", format!("{} hours", RETRY_AFTER_MAX.as_secs() / 3600)),
        ("redirects", "none is followed".to_owned()),
    ]
}

fn projects() -> Vec<(&'static str, String)> {
    vec![
        ("a project's id", "64 of `a-z 0-9 _ -`".to_owned()),
        ("a key's name", format!("{} characters", admin::NAME_CHARS_MAX)),
        ("a key's life", format!("{} days, or without end", admin::DAYS_MAX)),
    ]
}
