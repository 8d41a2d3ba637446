//! Every limit that a caller or an endpoint meets, from the constants that hold it. `docs/reference/limits.md` is
//! generated from this list.

use clients::queue::{BATCH_MESSAGES_MAX, DELAY_MAX};
use clients::send::{
    ANSWER_BYTES_KEPT, ANSWER_BYTES_READ_MAX, ANSWER_HEADER_BYTES_KEPT, ANSWER_HEADERS_KEPT, BODY_TIMEOUT,
    CONNECT_TIMEOUT,
};
use clients::store::dedup::REPEAT_RECOGNIZED_S;
use domain::{AgentId, ProjectId};
use rules::header::NAME_BYTES_MAX;
use rules::retry::RETRY_AFTER_MAX;
use usecases::publish::{
    CONTENT_BYTES_MAX, EVENT_BYTES_MAX, EVENT_TYPE_FORM, EVENTS_MAX, HISTORY_BYTES_MAX, STATE_BYTES_MAX, TEXT_CHARS_MAX,
};
use usecases::webhooks::{PREVIOUS_SECRET_VALID, PREVIOUS_SECRETS_MAX};

use crate::admin;
use crate::dialects::DIALECTS;
use crate::http::read_request::BODY_BYTES_MAX;
use crate::native::schema::NAME_CHARS_MAX;
use crate::pipeline::publish_events::KEY_CHARS_MAX;

/// The largest request that Lambda passes to a function, in MiB. Lambda counts the body as a JSON string.
pub const REQUEST_MIB_MAX: usize = 6;

/// The longest path with its query, in bytes. API Gateway refuses a longer one.
pub const PATH_BYTES_MAX: usize = 10 * 1024;

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
        ("a request", format!("{EVENTS_MAX} events; {REQUEST_MIB_MAX} MiB as Lambda counts it, each quote escaped")),
        ("`type`", quote_alphabet(EVENT_TYPE_FORM)),
        ("`id`, `channel`, `conversation_id`", format!("{TEXT_CHARS_MAX} characters")),
        ("`conversation_state`", format!("{STATE_BYTES_MAX} bytes of JSON")),
        ("`Idempotency-Key`", format!("{KEY_CHARS_MAX} characters")),
        (
            "a request that skips the events queue",
            format!("{BATCH_MESSAGES_MAX} events without client id, and as many deliveries"),
        ),
        ("how long a repeat is recognized", format!("{} hours", REPEAT_RECOGNIZED_S / 3600)),
        (
            "a conversation's history",
            format!("the latest messages, {CONTENT_BYTES_MAX} bytes of each, {HISTORY_BYTES_MAX} in all"),
        ),
    ]
}

fn calls() -> Vec<(&'static str, String)> {
    vec![
        ("a body, but for publishing", format!("{BODY_BYTES_MAX} bytes")),
        ("a path and its query", format!("{PATH_BYTES_MAX} bytes")),
        ("an agent's id", quote_alphabet(AgentId::FORM)),
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
        (
            "an answer's headers",
            format!(
                "of a failed attempt, {} are kept, {ANSWER_HEADER_BYTES_KEPT} bytes of each",
                ANSWER_HEADERS_KEPT.map(|name| format!("`{name}`")).join(", ")
            ),
        ),
        ("a wait in a queue", format!("{} minutes; a longer one is spent in the table", DELAY_MAX.as_secs() / 60)),
        ("`Retry-After`", format!("{} hours", RETRY_AFTER_MAX.as_secs() / 3600)),
        ("redirects", "none is followed".to_owned()),
    ]
}

fn projects() -> Vec<(&'static str, String)> {
    vec![
        ("a project's id", quote_alphabet(ProjectId::FORM)),
        ("a key's name", format!("{} characters", admin::NAME_CHARS_MAX)),
        ("a key's life", format!("{} days, or without end", admin::DAYS_MAX)),
    ]
}

/// A form such as `1 to 64 of a-z 0-9`, with its alphabet as code.
fn quote_alphabet(form: &str) -> String {
    form.split_once(" of ").map_or_else(|| form.to_owned(), |(count, alphabet)| format!("{count} of `{alphabet}`"))
}

#[cfg(test)]
mod tests {
    use usecases::publish::TYPE_CHARS_MAX;

    use super::*;

    #[test]
    fn the_form_of_an_event_type_has_its_limit() {
        assert!(EVENT_TYPE_FORM.starts_with(&format!("1 to {TYPE_CHARS_MAX} of ")));
        assert_eq!(quote_alphabet(EVENT_TYPE_FORM), "1 to 128 of `A-Z a-z 0-9 _ . -`");
    }
}
