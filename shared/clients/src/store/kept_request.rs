//! The part of a delivery's request that the log keeps, so that the same bytes can be sent again.
//!
//! A body is mostly its event's `data`. Then the event's item keeps the bytes before and after the data, and the headers. A
//! body without its event's data is kept whole. A long body is compressed, in an item of its own, because DynamoDB bills
//! the whole item for each update.

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use domain::{Delivery, DeliveryKey, Traceparent, WebhookRef};
use rules::sign::Signature;
use serde::{Deserialize, Serialize};

use super::compression::{deflate, inflate};
use super::events::AroundData;
use super::{Item, LOG_VERSION, Store, StoreError, keys, number, text};

/// The longest body in the delivery's own item, and the longest rest of a body in the event's item, in bytes.
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
    /// The body. `None` if it was not kept. With [`KeptBody::WithEvent`], the headers and the traceparent are empty.
    pub body: Option<KeptBody>,
}

/// A body in the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeptBody {
    /// The whole body.
    Whole(String),
    /// The body has an item of its own.
    Apart,
    /// The event's item has the body, the headers and the traceparent.
    WithEvent,
}

/// A request that is sent again, byte for byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentAgain {
    /// The dialect's own headers.
    pub headers: Vec<(String, String)>,
    /// The trace of the call that published the event.
    pub traceparent: Option<Traceparent>,
    /// The body.
    pub body: String,
}

impl AroundData {
    /// Splits a request at its event's data, a JSON object. `None` if the body has the data in another form, or if the
    /// rest is too long to be stored with the event.
    #[must_use]
    pub fn split(headers: &[(String, String)], body: &str, data: &str) -> Option<Self> {
        let split = |data: &str, without_braces| {
            let (before, after) = body.split_once(data)?;
            (before.len() + after.len() <= INLINE_BYTES_MAX).then(|| Self {
                headers: headers.to_vec(),
                before: before.to_owned(),
                after: after.to_owned(),
                without_braces,
            })
        };
        split(data, false).or_else(|| split(inner(data)?, true))
    }

    fn join(&self, data: &str) -> Option<String> {
        let data = if self.without_braces { inner(data)? } else { data };
        Some([self.before.as_str(), data, &self.after].concat())
    }
}

/// The members of a JSON object, without its braces. `None` if there are none.
fn inner(data: &str) -> Option<&str> {
    Some(data.strip_prefix('{')?.strip_suffix('}')?).filter(|inner| !inner.is_empty())
}

impl KeptBody {
    /// The form in which the log keeps a body that is not stored with its event.
    #[must_use]
    pub fn of(body: &str) -> Self {
        if body.len() <= INLINE_BYTES_MAX { Self::Whole(body.to_owned()) } else { Self::Apart }
    }
}

impl Store {
    /// The item of a body that is kept apart.
    pub(super) fn body_item(&self, key: &DeliveryKey, body: &str) -> Result<Item, StoreError> {
        Ok(Item::from([
            ("pk".to_owned(), text(keys::bodies(&key.tenant, &key.webhook_id, key.shard))),
            ("sk".to_owned(), text(keys::delivery(key))),
            ("v".to_owned(), number(LOG_VERSION)),
            ("expires_at".to_owned(), number(self.expires_at(key.created_at))),
            ("body".to_owned(), AttributeValue::B(Blob::new(deflate(body)?))),
        ]))
    }

    /// The request that a delivery sends again. `None` if its body, or its event, is not stored any more.
    ///
    /// # Errors
    /// Where DynamoDB cannot be read.
    pub async fn sent_again(&self, delivery: &Delivery, request: KeptRequest) -> Result<Option<SentAgain>, StoreError> {
        let key = &delivery.key;
        let with = |body| SentAgain { headers: request.headers, traceparent: request.traceparent, body };
        match request.body {
            None => Ok(None),
            Some(KeptBody::Whole(body)) => Ok(Some(with(body))),
            Some(KeptBody::Apart) => {
                let pk = keys::bodies(&key.tenant, &key.webhook_id, key.shard);
                let item = self.log_item_at(pk, keys::delivery(key)).await?;
                let body = item.as_ref().and_then(|item| item.get("body")?.as_b().ok());
                Ok(body.map(|body| inflate(body.as_ref())).transpose()?.map(with))
            }
            Some(KeptBody::WithEvent) => Ok(self.event(&key.tenant, &delivery.event_id).await?.and_then(|event| {
                let to = event.recipients.into_iter().flatten().find(|to| to.webhook == key.webhook_id)?;
                let around = to.request?;
                let body = around.join(event.data.as_deref()?)?;
                Some(SentAgain { headers: around.headers, traceparent: event.traceparent, body })
            })),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_kept_as_what_stands_around_its_data() {
        let data = r#"{"a":1,"text":"é"}"#;
        for (body, expected) in [
            (format!(r#"{{"event":"x","data":{data},"n":null}}"#), Some(false)),
            (r#"{"a":1,"text":"é","event_id":"e"}"#.to_owned(), Some(true)),
            (r#"{"a": 1, "text": "é"}"#.to_owned(), None),
        ] {
            let around = AroundData::split(&[], &body, data);
            assert_eq!(around.as_ref().map(|around| around.without_braces), expected, "{body}");
            if let Some(around) = around {
                assert_eq!(around.join(data).unwrap(), body);
            }
        }
        assert_eq!(AroundData::split(&[], "{}", "{}").unwrap().join("{}").unwrap(), "{}");
    }

    #[test]
    fn a_long_body_is_kept_apart_unless_most_of_it_is_data() {
        let data = format!(r#"{{"text":"{}"}}"#, "x".repeat(2000));
        let short = format!(r#"{{"data":{data}}}"#);
        assert!(AroundData::split(&[], &short, &data).is_some());
        assert_eq!(KeptBody::of(&short), KeptBody::Apart);
        let history = format!(r#"{{"data":{data},"history":"{}"}}"#, "y".repeat(2000));
        assert_eq!(AroundData::split(&[], &history, &data), None);
        assert_eq!(KeptBody::of("{}"), KeptBody::Whole("{}".to_owned()));
    }
}
