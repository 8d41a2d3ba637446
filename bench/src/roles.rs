//! The roles that this program has in the processes that it starts.

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, bail};
use local::stack::{Stack, StoresAt};
use local::stores::{DataLocation, Stores};
use serde::Serialize;
use tokio::io::{AsyncBufReadExt, BufReader};

use crate::alone::Alone;
use crate::count::{self, Counts};
use crate::invocations;

/// Serves the embedded DynamoDB and SQS.
pub(crate) async fn stores() -> Result<()> {
    let stores = Stores::start(&DataLocation::Memory, 0).await?;
    say(&format!("ready {}", stores.url))?;
    serve_questions(|| Ok(())).await
}

/// Runs every function on the stores at `stores_url`, with a gateway and pollers like AWS's.
pub(crate) async fn functions(stores_url: &str, retry_schedule: &str, counting: bool) -> Result<()> {
    let setting = |name: &str| match name {
        "RETRY_SCHEDULE" => Some(retry_schedule.to_owned()),
        "SWEEP_AFTER" => Some("3650d".to_owned()),
        _ => None,
    };
    let counts = Arc::new(Counts::default());
    let at = StoresAt::Url(stores_url.to_owned());
    let stack = if counting {
        invocations::install(&counts);
        Stack::start_with(0, &at, setting, async |app| count::stand_in(app, stores_url, &counts).await).await?
    } else {
        Stack::start(0, &at, setting).await?
    };
    say(&format!("ready {}", stack.url))?;
    serve_questions(|| Ok(counts.take())).await
}

/// Runs the measurements without a pipeline, against the endpoint at `receiver_url`.
pub(crate) async fn alone(receiver_url: &str, lasting: Duration) -> Result<()> {
    let alone = Arc::new(Alone::start(receiver_url).await?);
    say(&format!("ready {receiver_url}"))?;
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while let Some(question) = lines.next_line().await? {
        let rate = match question.as_str() {
            "floor" => alone.clone().floor(lasting).await?,
            "deliver" => alone.clone().deliver(lasting).await?,
            other => bail!("`{other}` is not a question"),
        };
        say(&serde_json::to_string(&rate)?)?;
    }
    Ok(())
}

/// Answers each question of the process that started this one, until that process ends.
async fn serve_questions<T: Serialize>(answer: impl Fn() -> Result<T>) -> Result<()> {
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while lines.next_line().await?.is_some() {
        say(&serde_json::to_string(&answer()?)?)?;
    }
    Ok(())
}

/// Prints a line for the process that started this one.
pub(crate) fn say(text: &str) -> Result<()> {
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "{text}")?;
    Ok(stdout.flush()?)
}
