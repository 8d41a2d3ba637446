//! The log, which functions write and CloudWatch reads: one JSON object a line. [`FIELDS`] lists the field names in
//! Switchhook's own lines, from level `INFO` up. The runbook (docs/runbook.md) describes each field.

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

/// The fields of a line besides `timestamp`, `level`, `target`, `message` and, in `span`, `name`. The same value has
/// the same field name in every line.
pub const FIELDS: [&str; 18] = [
    // In `span`: the function, and Lambda's id of the invocation.
    "function",
    "request_id",
    // The error.
    "error",
    // The event, delivery, webhook, trace or message that the line is about.
    "event_id",
    "event_type",
    "delivery_id",
    "webhook_id",
    "dialect",
    "trace_id",
    "sqs_message_id",
    // An attempt.
    "attempt",
    "http_status",
    "next_retry_at",
    "duration_ms",
    "latency_ms",
    // A number of items.
    "count",
    // Only in the local stack: a call that the template does not allow.
    "action",
    "resource",
];

/// Writes the process's log to `writer` from now on.
pub fn write_json<W>(filter: EnvFilter, writer: W)
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_span_list(false)
        .with_env_filter(filter)
        .with_writer(writer)
        .init();
}
