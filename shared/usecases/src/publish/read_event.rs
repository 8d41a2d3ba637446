//! Reads an event as platforms publish it: over HTTP, or directly into the events queue.

use std::collections::BTreeMap;

use clients::queue::messages::UNSENDABLE;
use domain::time::Timestamp;
use domain::{AgentId, Event, EventId, Tenant};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

/// The largest event, in bytes of JSON.
pub const EVENT_BYTES_MAX: usize = 256 * 1024;
/// The longest event type, in characters.
pub const TYPE_CHARS_MAX: usize = 128;
/// The form of an event type, in words.
pub const EVENT_TYPE_FORM: &str = "1 to 128 of A-Z a-z 0-9 _ . -";
/// The largest `conversation_state`, in bytes of JSON. The deliveries of later events carry it, too.
pub const STATE_BYTES_MAX: usize = 32 * 1024;
/// The longest `id`, `channel` and `conversation_id`, in characters.
pub const TEXT_CHARS_MAX: usize = 256;

/// An invalid field of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidField {
    /// The field's path within the event; empty for the event as a whole.
    pub field: String,
    /// The rule that the field breaks: `a JSON object`.
    pub message: String,
}

/// `{type, data, agent_id?, id?, occurred_at?, channel?, conversation_id?, conversation_state?}`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Published {
    #[serde(rename = "type")]
    event_type: String,
    data: Box<RawValue>,
    agent_id: Option<String>,
    id: Option<String>,
    occurred_at: Option<String>,
    channel: Option<String>,
    conversation_id: Option<String>,
    conversation_state: Option<Box<RawValue>>,
}

/// Reads and checks one event. `fresh_id` makes the event's id if the platform gave none.
///
/// # Errors
/// The first invalid field. Its path is relative to the event, and empty for the event as a whole.
pub(crate) fn read_event(
    raw: &RawValue,
    tenant: &Tenant,
    accepted_at: Timestamp,
    fresh_id: impl FnOnce() -> EventId,
) -> Result<Event, InvalidField> {
    if raw.get().len() > EVENT_BYTES_MAX {
        return Err(wrong("", format!("at most {EVENT_BYTES_MAX} bytes; this one has {}", raw.get().len())));
    }
    if raw.get().contains(UNSENDABLE) {
        return Err(wrong("", "without the characters U+FFFE and U+FFFF, which the queue does not take"));
    }
    let published = deserialize(raw)?;
    check_fields(&published)?;
    let has_client_id = published.id.is_some();
    let agent_id = published.agent_id.map(|id| AgentId::parse(&id)).transpose();
    let occurred_at = published.occurred_at.map(|text| {
        Timestamp::parse_rfc3339(&text)
            .ok_or_else(|| wrong("occurred_at", "a time as in RFC 3339: 2025-01-15T11:00:00Z"))
    });
    Ok(Event {
        id: published.id.as_ref().map_or_else(fresh_id, |client_id| EventId::from_client_id(tenant, client_id)),
        event_type: published.event_type,
        agent_id: agent_id.map_err(|error| wrong("agent_id", error.to_string()))?,
        data: published.data,
        occurred_at: occurred_at.transpose()?.unwrap_or(accepted_at),
        accepted_at,
        client_id: published.id,
        has_client_id,
        position: 0,
        channel: published.channel,
        conversation_id: published.conversation_id,
        conversation_state: published.conversation_state,
    })
}

fn deserialize(raw: &RawValue) -> Result<Published, InvalidField> {
    // Serde would also read a list of the fields' values as an event.
    check_object("", raw)?;
    let mut reader = serde_json::Deserializer::from_str(raw.get());
    serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let (field, reason) = (error.path().to_string(), reason(error.inner()));
        match reason.strip_prefix("missing field `").and_then(|rest| rest.strip_suffix('`')) {
            Some(missing) => wrong(missing, "required"),
            None => wrong(if field == "." { "" } else { &field }, reason),
        }
    })
}

fn check_fields(published: &Published) -> Result<(), InvalidField> {
    check_type(&published.event_type)?;
    check_object("data", &published.data)?;
    // Reading a raw value does not check its strings. The names in `data` must be Unicode text, because dialects read
    // them.
    if serde_json::from_str::<BTreeMap<String, IgnoredAny>>(published.data.get()).is_err() {
        return Err(wrong("data", "with keys that are Unicode text"));
    }
    if let Some(state) = &published.conversation_state {
        check_object("conversation_state", state)?;
        if state.get().len() > STATE_BYTES_MAX {
            return Err(wrong("conversation_state", format!("at most {STATE_BYTES_MAX} bytes")));
        }
    }
    for (field, text) in
        [("id", &published.id), ("channel", &published.channel), ("conversation_id", &published.conversation_id)]
    {
        check_text(field, text.as_deref())?;
    }
    Ok(())
}

fn wrong(field: &str, message: impl Into<String>) -> InvalidField {
    InvalidField { field: field.to_owned(), message: message.into() }
}

/// The parser's reason, without line and column: these count from the event's start, not from the request's.
fn reason(error: &serde_json::Error) -> String {
    error.to_string().split(" at line ").next().unwrap_or_default().to_owned()
}

/// Whether `text` has the form of an event type, [`EVENT_TYPE_FORM`].
#[must_use]
pub fn is_event_type(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    (1..=TYPE_CHARS_MAX).contains(&text.len()) && text.bytes().all(allowed)
}

fn check_type(text: &str) -> Result<(), InvalidField> {
    if is_event_type(text) { Ok(()) } else { Err(wrong("type", EVENT_TYPE_FORM)) }
}

/// Checks that `value` is an object. Raw JSON starts with its first token, so the first character decides.
fn check_object(field: &str, value: &RawValue) -> Result<(), InvalidField> {
    if value.get().starts_with('{') { Ok(()) } else { Err(wrong(field, "a JSON object")) }
}

fn check_text(field: &str, text: Option<&str>) -> Result<(), InvalidField> {
    match text {
        Some(text) if !(1..=TEXT_CHARS_MAX).contains(&text.chars().count()) => {
            Err(wrong(field, format!("1 to {TEXT_CHARS_MAX} characters")))
        }
        Some(text) if text.contains(UNSENDABLE) => Err(wrong(field, "without the characters U+FFFE and U+FFFF")),
        Some(_) | None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use domain::{Environment, Ids, ProjectId};

    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_736_938_800_000);

    fn read_event(json: &str) -> Result<Event, InvalidField> {
        let tenant = Tenant { project: ProjectId::new("demo"), environment: Environment::Test };
        super::read_event(&RawValue::from_string(json.to_owned()).unwrap(), &tenant, NOW, || {
            Ids::random().event_pack(NOW).event_id(0)
        })
    }

    #[test]
    fn an_event_is_read_with_its_datas_bytes() {
        let event =
            read_event(r#"{"type":"call.completed","data":{ "a" :1.0},"occurred_at":"2025-01-15T10:59:59Z"}"#).unwrap();
        assert_eq!(event.event_type, "call.completed");
        assert_eq!(event.data.get(), r#"{ "a" :1.0}"#);
        assert_eq!(event.occurred_at, Timestamp::from_millis(1_736_938_799_000));
        assert_eq!(event.accepted_at, NOW);
    }

    #[test]
    fn a_client_id_makes_the_same_event_id() {
        let id = |own: &str| read_event(&format!(r#"{{"type":"a","data":{{}},"id":"{own}"}}"#)).unwrap().id;
        assert_eq!(id("1"), id("1"));
        assert_ne!(id("1"), id("2"));
    }

    #[test]
    fn an_invalid_field_is_named() {
        for (json, field, message) in [
            ("[]", "", "a JSON object"),
            (r#"["a",{}]"#, "", "a JSON object"),
            ("{}", "type", "required"),
            (r#"{"type":1,"data":{}}"#, "type", "expected a string"),
            (r#"{"type":"","data":{}}"#, "type", "1 to 128"),
            (r#"{"type":"a b","data":{}}"#, "type", "1 to 128"),
            (r#"{"type":"a"}"#, "data", "required"),
            (r#"{"type":"a","data":[]}"#, "data", "a JSON object"),
            (r#"{"type":"a","data":{"\ud800":1}}"#, "data", "Unicode text"),
            (r#"{"type":"a","data":{},"agent_id":"a#b"}"#, "agent_id", "1 to 128"),
            (r#"{"type":"a","data":{},"occurred_at":"now"}"#, "occurred_at", "RFC 3339"),
            (r#"{"type":"a","data":{},"id":""}"#, "id", "1 to 256"),
            (r#"{"type":"a","data":{},"conversation_state":1}"#, "conversation_state", "a JSON object"),
            (r#"{"type":"a","data":{},"colour":1}"#, "colour", "unknown field `colour`"),
        ] {
            let detail = read_event(json).unwrap_err();
            assert_eq!(detail.field, field, "{json}: {detail:?}");
            assert!(detail.message.contains(message), "{json}: {detail:?}");
        }
        for unsendable in
            ["{\"type\":\"a\",\"data\":{\"a\":\"\u{ffff}\"}}", r#"{"type":"a","data":{},"channel":"\uffff"}"#]
        {
            assert!(read_event(unsendable).unwrap_err().message.contains("U+FFFF"));
        }
        let large = format!(r#"{{"type":"a","data":{{"a":"{}"}}}}"#, "x".repeat(EVENT_BYTES_MAX));
        assert!(read_event(&large).unwrap_err().message.contains("at most 262144 bytes"));
    }
}
