//! An SQS that accepts every message, and keeps it in memory.

use std::sync::{Arc, Mutex, PoisonError};

use aws_smithy_runtime_api::client::http::{HttpConnectorFuture, SharedHttpClient};
use serde::Deserialize;
use serde_json::json;

use crate::sdk_wire;

/// A message that was sent.
pub(crate) struct Sent {
    pub(crate) body: String,
    pub(crate) is_retry: bool,
}

/// The messages that the functions sent. The list takes the place of SQS.
pub(crate) type Queues = Arc<Mutex<Vec<Sent>>>;

/// The body of a `SendMessageBatch` request.
#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Batch {
    queue_url: String,
    entries: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    id: String,
    message_body: String,
}

/// A client that adds sent messages to `queues`.
pub(crate) fn client(queues: &Queues, retries_url: &str) -> SharedHttpClient {
    let (queues, retries_url) = (queues.clone(), retries_url.to_owned());
    sdk_wire::intercepting_client(move |request, _| {
        let batch = request.body().bytes().and_then(|body| serde_json::from_slice::<Batch>(body).ok());
        let Batch { queue_url, entries } = batch.unwrap_or_default();
        let is_retry = queue_url == retries_url;
        let accept = |entry: &Entry| json!({ "Id": entry.id, "MessageId": "", "MD5OfMessageBody": "" });
        let accepted: Vec<_> = entries.iter().map(accept).collect();
        let sent = entries.into_iter().map(|entry| Sent { body: entry.message_body, is_retry });
        queues.lock().unwrap_or_else(PoisonError::into_inner).extend(sent);
        HttpConnectorFuture::ready(sdk_wire::ok(
            json!({ "Successful": accepted, "Failed": [] }).to_string().into_bytes(),
        ))
    })
}
