//! Counts invocations, by the tracing spans of the local stack.
//!
//! One invocation opens several spans: the poller's, that of the task that waits for the function, and that of the
//! function's own task. Only the last one is the invocation that Lambda would charge for.

use std::sync::Arc;
use std::time::Instant;

use tokio::task;
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;

use crate::count::Counts;

/// Counts every invocation from now on.
pub(crate) fn install(counts: &Arc<Counts>) {
    tracing_subscriber::registry().with(InvocationLayer(counts.clone()).with_filter(LevelFilter::INFO)).init();
}

struct InvocationLayer(Arc<Counts>);

/// A span that may be an invocation.
struct Begun {
    function: String,
    at: Instant,
    /// The task that opened the span. The function runs in a task of its own.
    opened_by: Option<task::Id>,
    is_own_task: bool,
    /// Whether another invocation's span was opened inside. Then this span is the poller's or the schedule's.
    is_outer: bool,
}

struct FunctionName(Option<String>);

impl Visit for FunctionName {
    fn record_debug(&mut self, _: &Field, _: &dyn std::fmt::Debug) {}

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "function" {
            self.0 = Some(value.to_owned());
        }
    }
}

impl<S: tracing::Subscriber + for<'a> LookupSpan<'a>> Layer<S> for InvocationLayer {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if attributes.metadata().name() != "invocation" {
            return;
        }
        if let Some(outer) = context.lookup_current()
            && let Some(outer) = outer.extensions_mut().get_mut::<Begun>()
        {
            outer.is_outer = true;
        }
        let Some(span) = context.span(id) else { return };
        let mut name = FunctionName(None);
        attributes.record(&mut name);
        span.extensions_mut().insert(Begun {
            function: name.0.unwrap_or_default(),
            at: Instant::now(),
            opened_by: task::try_id(),
            is_own_task: false,
            is_outer: false,
        });
    }

    fn on_enter(&self, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        if let Some(begun) = span.extensions_mut().get_mut::<Begun>() {
            begun.is_own_task |= task::try_id() != begun.opened_by;
        }
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let Some(span) = context.span(&id) else { return };
        if let Some(begun) = span.extensions().get::<Begun>()
            && begun.is_own_task
            && !begun.is_outer
        {
            self.0.invoked(&begun.function, begun.at.elapsed());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use local::invoke::run_invocation;
    use tracing::Instrument;

    use super::*;

    /// Counts the invocations of `work`.
    async fn count(work: impl Future<Output = ()>) -> u64 {
        let counts = Arc::new(Counts::default());
        let subscriber = tracing_subscriber::registry().with(InvocationLayer(counts.clone()));
        let guard = tracing::subscriber::set_default(subscriber);
        work.await;
        drop(guard);
        counts.take().invocations.values().map(|invocations| invocations.count).sum()
    }

    async fn invoke() {
        run_invocation("deliver", Duration::from_secs(1), async { tokio::task::yield_now().await }).await.unwrap();
    }

    #[tokio::test]
    async fn an_invocation_counts_once() {
        let count = count(async {
            invoke().await;
            invoke().await;
        });
        assert_eq!(count.await, 2);
    }

    #[tokio::test]
    async fn an_invocation_that_a_poller_starts_counts_once() {
        let count = count(async {
            let poller = tracing::info_span!(parent: None, "invocation", function = "deliver");
            tokio::spawn(invoke().instrument(poller)).await.unwrap();
        });
        assert_eq!(count.await, 1);
    }
}
