//! Invokes scheduled functions, as EventBridge does.

use std::sync::Arc;
use std::time::Duration;

use functions::find_function;
use functions::function::{self, ScheduleHandler};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use usecases::app::App;

use crate::invoke;
use crate::template::{Template, Trigger};

/// A scheduled function, and the interval of one of its schedules.
struct Schedule {
    name: &'static str,
    handler: ScheduleHandler,
    interval: Duration,
    timeout: Duration,
}

/// Invokes every scheduled function at its interval, until `stop`.
pub(crate) fn start(template: &Template, app: &Arc<App>, stop: &CancellationToken) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    for function in template.functions.values() {
        let known = find_function::by_name(&function.name);
        let Some((name, function::Trigger::Schedule(_, handler))) = known.map(|known| (known.name, known.trigger))
        else {
            continue;
        };
        for trigger in &function.triggers {
            if let Trigger::Schedule { every } = trigger {
                let schedule = Schedule { name, handler, interval: *every, timeout: function.timeout };
                tasks.spawn(invoke::as_function(name, run_schedule(app.clone(), schedule, stop.clone())));
            }
        }
    }
    tasks
}

async fn run_schedule(app: Arc<App>, schedule: Schedule, stop: CancellationToken) {
    let Schedule { name, handler, interval, timeout } = schedule;
    let mut ticks = tokio::time::interval_at(Instant::now() + interval, interval);
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        let app = app.clone();
        let result = invoke::run_invocation(name, timeout, async move { handler(&app).await }).await;
        if let Some(Err(error)) = result {
            tracing::error!(error = &error as &dyn std::error::Error, "a scheduled run failed");
        }
    }
}
