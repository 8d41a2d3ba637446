//! What the log keeps of a delivery's request, so that the same bytes can be sent again.
//!
//! A body is mostly its event's `data`. Then the log keeps only the bytes before and after the data, and takes the data
//! from the event. A body without its event's data is kept whole. A long body is compressed, in an item of its own,
//! because DynamoDB bills the whole item for each update.

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use domain::{DeliveryKey, EventId, Traceparent, WebhookRef};
use rules::sign::Signature;
use serde::{Deserialize, Serialize};

use super::compression::{deflate, inflate};
use super::{Item, LOG_VERSION, Store, StoreError, keys, number, text};

/// The longest body, or part of a body, in the delivery's own item, in bytes.
const INLINE_BYTES_MAX: usize = 700;

/// A delivery's request, without what an attempt adds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptRequest {
    /// The webhook that receives the delivery.
    pub webhook: WebhookRef,
    /// The dialect's signature. `None` if the delivery names its dialect, which says how to sign.
    pub signature: Option<Signature>,
    /// The dialect's own headers.
    pub headers: Vec<(String, String)>,
    /// The trace of the call that published the event.
    pub traceparent: Option<Traceparent>,
    /// The body. `None` if it was not kept.
    pub body: Option<KeptBody>,
}

/// A body in the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeptBody {
    /// The whole body.
    Whole(String),
    /// The parts before and after the event's data.
    Around {
        /// The part before.
        before: String,
        /// The part after.
        after: String,
        /// Whether the data stands without its braces.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        without_braces: bool,
    },
    /// The body has an item of its own.
    Apart,
}

/// Where a body contains its event's data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataInBody {
    /// The index of the data's first byte in the body.
    pub start: usize,
    /// The data's length in bytes.
    pub len: usize,
    /// Whether the data stands without its braces.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub without_braces: bool,
}

impl DataInBody {
    /// Finds `data`, a JSON object, in `body`. `None` if the body has the data in another form.
    #[must_use]
    pub fn find(body: &str, data: &str) -> Option<Self> {
        let found = |data: &str, without_braces| {
            let start = body.find(data)?;
            Some(Self { start, len: data.len(), without_braces })
        };
        found(data, false).or_else(|| found(inner(data)?, true))
    }

    fn split(self, body: &str) -> Option<KeptBody> {
        let (before, after) = (body.get(..self.start)?, body.get(self.start.checked_add(self.len)?..)?);
        let without_braces = self.without_braces;
        (before.len() + after.len() <= INLINE_BYTES_MAX).then(|| KeptBody::Around {
            before: before.to_owned(),
            after: after.to_owned(),
            without_braces,
        })
    }
}

/// The members of a JSON object, without its braces. `None` if there are none.
fn inner(data: &str) -> Option<&str> {
    Some(data.strip_prefix('{')?.strip_suffix('}')?).filter(|inner| !inner.is_empty())
}

impl KeptBody {
    /// The form in which the log keeps `body`. `data` says where the body contains the data of an event that is stored.
    #[must_use]
    pub fn of(body: &str, data: Option<DataInBody>) -> Self {
        let whole = || {
            if body.len() <= INLINE_BYTES_MAX { Self::Whole(body.to_owned()) } else { Self::Apart }
        };
        data.and_then(|data| data.split(body)).unwrap_or_else(whole)
    }
}

impl Store {
    /// The item of a body that is kept apart.
    pub(super) fn body_item(&self, key: &DeliveryKey, body: &str) -> Item {
        Item::from([
            ("pk".to_owned(), text(keys::bodies(&key.tenant, &key.webhook_id, key.shard))),
            ("sk".to_owned(), text(keys::delivery(key))),
            ("v".to_owned(), number(LOG_VERSION)),
            ("expires_at".to_owned(), number(self.expires_at(key.created_at))),
            ("body".to_owned(), AttributeValue::B(Blob::new(deflate(body)))),
        ])
    }

    /// The bytes of a kept body. `None` if they, or the event's data, are not stored any more.
    ///
    /// # Errors
    /// Where DynamoDB cannot be read.
    pub async fn body(&self, key: &DeliveryKey, event: &EventId, kept: KeptBody) -> Result<Option<String>, StoreError> {
        match kept {
            KeptBody::Whole(body) => Ok(Some(body)),
            KeptBody::Around { before, after, without_braces } => {
                let Some(event) = self.event(&key.tenant, event).await? else { return Ok(None) };
                let data = event.data.as_deref();
                let data = if without_braces { data.and_then(inner) } else { data };
                Ok(data.map(|data| [&before, data, &after].concat()))
            }
            KeptBody::Apart => {
                let at = [
                    ("pk", text(keys::bodies(&key.tenant, &key.webhook_id, key.shard))),
                    ("sk", text(keys::delivery(key))),
                ];
                let at = at.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
                let item = self.item_at(&self.log_table, at).await?;
                let body = item.as_ref().and_then(|item| item.get("body")?.as_b().ok());
                body.map(|body| inflate(body.as_ref())).transpose()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(kept: KeptBody, data: &str) -> String {
        match kept {
            KeptBody::Whole(body) => body,
            KeptBody::Around { before, after, without_braces } => {
                [before.as_str(), if without_braces { inner(data).unwrap() } else { data }, &after].concat()
            }
            KeptBody::Apart => panic!("it is short"),
        }
    }

    #[test]
    fn a_body_is_kept_as_what_stands_around_its_data() {
        let data = r#"{"a":1,"text":"é"}"#;
        for (body, expected) in [
            (format!(r#"{{"event":"x","data":{data},"n":null}}"#), Some(false)),
            (r#"{"a":1,"text":"é","event_id":"e"}"#.to_owned(), Some(true)),
            (r#"{"a": 1, "text": "é"}"#.to_owned(), None),
        ] {
            let found = DataInBody::find(&body, data);
            assert_eq!(found.map(|found| found.without_braces), expected, "{body}");
            assert_eq!(joined(KeptBody::of(&body, found), data), body);
        }
        assert_eq!(DataInBody::find("{}", "{}").map(|found| found.len), Some(2));
    }

    #[test]
    fn a_long_body_is_kept_apart_unless_most_of_it_is_data() {
        let data = format!(r#"{{"text":"{}"}}"#, "x".repeat(2000));
        let short = format!(r#"{{"data":{data}}}"#);
        assert!(matches!(KeptBody::of(&short, DataInBody::find(&short, &data)), KeptBody::Around { .. }));
        assert_eq!(KeptBody::of(&short, None), KeptBody::Apart);
        let history = format!(r#"{{"data":{data},"history":"{}"}}"#, "y".repeat(2000));
        assert_eq!(KeptBody::of(&history, DataInBody::find(&history, &data)), KeptBody::Apart);
    }

    #[test]
    fn a_range_that_is_not_in_the_body_is_ignored() {
        let broken = DataInBody { start: 1, len: usize::MAX, without_braces: false };
        assert_eq!(KeptBody::of("{}", Some(broken)), KeptBody::Whole("{}".to_owned()));
    }
}
