//! Reports events and deliveries to operators, as metrics and log lines. Each failed attempt gets a line. Successes are
//! sampled by event, so that every step logs the same events. A line never has a body, a URL or a secret.

use std::time::Duration;

use domain::time::{Timestamp, millis};
use domain::{Delivery, Event, EventId, Traceparent};
use rules::retry::NextStep;

use crate::app::App;
use crate::metrics::Metric;

/// An attempt that was made.
#[derive(Debug, Clone, Copy)]
pub(super) struct Attempt<'a> {
    /// The webhook's dialect.
    pub(super) dialect: &'a str,
    /// The event's trace.
    pub(super) traceparent: Option<&'a Traceparent>,
    /// The step that follows the attempt.
    pub(super) next_step: NextStep,
    /// How long the attempt took.
    pub(super) duration: Duration,
    /// The time from the event's acceptance to the end of the attempt.
    pub(super) latency: Duration,
}

/// Reports that events were accepted.
pub(crate) fn report_accepted(app: &App, events: &[Event], traceparent: Option<&Traceparent>) {
    app.metrics.count(Metric::Published, "native", events.len());
    let trace_id = traceparent.map(Traceparent::trace_id);
    for event in events.iter().filter(|event| is_sampled(app, &event.id)) {
        let event_type = app.dialects.native_name(&event.event_type);
        tracing::info!(event_id = %event.id, event_type, trace_id, "an event was accepted");
    }
}

/// Reports that `count` deliveries of an event were queued.
pub(super) fn report_dispatched(app: &App, event: &Event, traceparent: Option<&Traceparent>, count: usize) {
    if is_sampled(app, &event.id) {
        let (event_type, trace_id) =
            (app.dialects.native_name(&event.event_type), traceparent.map(Traceparent::trace_id));
        tracing::info!(event_id = %event.id, event_type, trace_id, count, "an event was dispatched");
    }
}

/// Reports an attempt. `delivery` is the log entry after it.
pub(super) fn report_attempt(app: &App, delivery: &Delivery, attempt: Attempt<'_>) {
    let Attempt { dialect, next_step, duration, latency, .. } = attempt;
    app.metrics.count_attempt(dialect, next_step == NextStep::Delivered);
    match next_step {
        NextStep::Delivered => {
            app.metrics.count(Metric::Delivered, dialect, 1);
            app.metrics.record_latency(dialect, latency);
        }
        NextStep::RetryAt(_) => app.metrics.count(Metric::Retried, dialect, 1),
        NextStep::Exhausted | NextStep::Gone => app.metrics.count(Metric::Failed, dialect, 1),
    }
    let (event_id, delivery_id, webhook_id) = (&delivery.event_id, &delivery.key.id, &delivery.key.webhook_id);
    let (event_type, trace_id) =
        (app.dialects.native_name(&delivery.event_type), attempt.traceparent.map(Traceparent::trace_id));
    let http_status = delivery.last_attempt().and_then(|attempt| attempt.http_status);
    let (duration_ms, latency_ms) = (millis(duration), millis(latency));
    if next_step != NextStep::Delivered {
        tracing::warn!(
            %event_id, event_type, %delivery_id, %webhook_id, dialect, trace_id,
            attempt = delivery.attempt_count, http_status, error = delivery.error(),
            next_retry_at = delivery.next_retry_at.map(Timestamp::iso8601), duration_ms, latency_ms,
            "an attempt failed"
        );
    } else if is_sampled(app, event_id) {
        tracing::info!(
            %event_id, event_type, %delivery_id, %webhook_id, dialect, trace_id,
            attempt = delivery.attempt_count, http_status, duration_ms, latency_ms,
            "an event was delivered"
        );
    }
}

/// Reports a delivery that ended before an attempt, because its webhook cannot receive it.
pub(super) fn report_given_up(app: &App, delivery: &Delivery, dialect: &str, traceparent: Option<&Traceparent>) {
    app.metrics.count(Metric::Failed, dialect, 1);
    tracing::warn!(
        event_id = %delivery.event_id, event_type = app.dialects.native_name(&delivery.event_type), delivery_id = %delivery.key.id,
        webhook_id = %delivery.key.webhook_id, dialect, trace_id = traceparent.map(Traceparent::trace_id),
        error = delivery.error(), "a delivery was ended without an attempt"
    );
}

/// Whether this event's successes are logged. All functions decide alike, because the decision depends on the event's
/// id only.
fn is_sampled(app: &App, event: &EventId) -> bool {
    event.sampling_point() < app.settings.log_successes
}
