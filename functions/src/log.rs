//! The log, as functions write it and CloudWatch reads it: a JSON object a line. [`FIELDS`] are the names in our own lines, from `INFO` up;
//! docs/runbook.md says what each is.

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

/// What a line may have besides `timestamp`, `level`, `target`, `message` and, in `span`, `name`. The same thing has the same name in each.
pub const FIELDS: [&str; 18] = [
    // In `span`: the function, and Lambda's id of the invocation.
    "function",
    "request_id",
    // What went wrong.
    "error",
    // Whose it is.
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
    // How many.
    "count",
    // Of the local stack alone: a call that the template does not allow.
    "action",
    "resource",
];

/// Writes the process's log to `writer` from here on.
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
