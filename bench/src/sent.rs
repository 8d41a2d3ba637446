//! An SQS that accepts every message, and keeps it in memory.

use std::sync::{Arc, Mutex, PoisonError};

use aws_smithy_runtime_api::client::http::{HttpConnectorFuture, SharedHttpClient};
use serde::Deserialize;
use serde_json::json;

use crate::sdk_wire;

/// A message that was sent.
#[derive(Debug, Clone)]
pub(crate) struct Sent {
    /// The queue's name in the template.
    pub(crate) queue: String,
    pub(crate) body: String,
    /// The seconds for which SQS would hide the message.
    pub(crate) delay_s: u32,
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
    #[serde(default)]
    delay_seconds: u32,
}

/// A client that adds sent messages to `queues`.
pub(crate) fn client(queues: &Queues) -> SharedHttpClient {
    let queues = queues.clone();
    sdk_wire::intercepting_client(move |request, _| {
        let batch = request.body().bytes().and_then(|body| serde_json::from_slice::<Batch>(body).ok());
        let Batch { queue_url, entries } = batch.unwrap_or_default();
        let queue = queue_url.rsplit('/').next().unwrap_or_default();
        let accept = |entry: &Entry| json!({ "Id": entry.id, "MessageId": "", "MD5OfMessageBody": "" });
        let accepted: Vec<_> = entries.iter().map(accept).collect();
        let sent = entries.into_iter().map(|entry| Sent {
            queue: queue.to_owned(),
            body: entry.message_body,
            delay_s: entry.delay_seconds,
        });
        queues.lock().unwrap_or_else(PoisonError::into_inner).extend(sent);
        HttpConnectorFuture::ready(sdk_wire::ok(
            json!({ "Successful": accepted, "Failed": [] }).to_string().into_bytes(),
        ))
    })
}
