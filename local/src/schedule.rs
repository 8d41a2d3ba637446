//! Invokes scheduled functions, as EventBridge does.

use std::sync::Arc;
use std::time::Duration;

use functions::function::{self, ScheduleHandler};
use functions::functions::FUNCTIONS;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use usecases::app::App;

use crate::invoke;
use crate::template::{Template, Trigger};

/// Invokes every scheduled function at its interval, until `stop`.
pub(crate) fn start(template: &Template, app: &Arc<App>, stop: &CancellationToken) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    for function in template.functions.values() {
        let known = FUNCTIONS.iter().find(|known| known.name == function.name);
        let Some((name, function::Trigger::Schedule(_, handler))) = known.map(|known| (known.name, known.trigger))
        else {
            continue;
        };
        for trigger in &function.triggers {
            if let Trigger::Schedule { every } = trigger {
                let kept = keep(app.clone(), (name, handler), (*every, function.timeout), stop.clone());
                tasks.spawn(invoke::in_the_name_of(name, kept));
            }
        }
    }
    tasks
}

async fn keep(
    app: Arc<App>,
    (name, handler): (&'static str, ScheduleHandler),
    (every, timeout): (Duration, Duration),
    stop: CancellationToken,
) {
    let mut times = tokio::time::interval_at(Instant::now() + every, every);
    while stop.run_until_cancelled(times.tick()).await.is_some() {
        let app = app.clone();
        let result = invoke::contained(name, timeout, async move { handler(&app).await }).await;
        if let Some(Err(fault)) = result {
            tracing::error!(error = &fault as &dyn std::error::Error, "a scheduled run failed");
        }
    }
}
