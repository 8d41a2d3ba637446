//! The roles that this program has in the processes that it starts.

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use local::stack::{Stack, StoresAt};
use local::stores::{DataLocation, Stores};
use serde::Serialize;
use tokio::io::{AsyncBufReadExt, BufReader};
use tracing_subscriber::EnvFilter;

use crate::alone::Alone;
use crate::count::{self, Counts};
use crate::invocations;
use crate::waiting::Days;

/// Serves the embedded DynamoDB and SQS.
pub(crate) async fn stores() -> Result<()> {
    let stores = Stores::start(&DataLocation::Memory, 0).await?;
    say(&format!("ready {}", stores.url))?;
    serve_questions(|| Ok(())).await
}

/// Settings of the measured functions. Failed deliveries are tried again soon, and nothing is swept.
const SETTINGS: [(&str, &str); 2] = [("RETRY_SCHEDULE", "1s,1s,1s,1s,1s,1s,1s,1s,1s,1s"), ("SWEEP_AFTER", "3650d")];

/// Reads `NAME=VALUE`.
pub(crate) fn parse_setting(text: &str) -> Result<(String, String)> {
    let (name, value) = text.split_once('=').context("a setting is NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

/// Runs every function, with a gateway and pollers like AWS's. `settings` overrides [`SETTINGS`]. Functions ignore a
/// setting that they do not know. Counts calls if the stores are in another process and `counting` is set.
pub(crate) async fn functions(at: &StoresAt, settings: &[(String, String)], counting: bool) -> Result<()> {
    let setting = |name: &str| find_setting(settings, name);
    let counts = Arc::new(Counts::default());
    let stack = match at {
        StoresAt::Url(url) if counting => {
            invocations::install(&counts);
            Stack::start_with(0, at, setting, async |app| count::stand_in(app, url, &counts).await).await?
        }
        StoresAt::Url(_) | StoresAt::Embedded(_) => {
            write_log_nowhere();
            Stack::start(0, at, setting).await?
        }
    };
    say(&format!("ready {}", stack.url))?;
    serve_questions(|| Ok(counts.take())).await
}

/// The value of a setting: the last one in `given`, else that of [`SETTINGS`].
fn find_setting(given: &[(String, String)], name: &str) -> Option<String> {
    let given = given.iter().rev().map(|(known, value)| (known.as_str(), value.as_str()));
    given.chain(SETTINGS).find(|(known, _)| *known == name).map(|(_, value)| value.to_owned())
}

/// Formats the log as `cargo run` does, because that takes processor time, and drops it.
fn write_log_nowhere() {
    let filter = EnvFilter::new("info,dynoxide=off");
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::sink).with_ansi(false).compact().init();
}

/// Runs the measurements without a pipeline, against the endpoint at `receiver_url`.
pub(crate) async fn alone(receiver_url: &str, lasting: Duration) -> Result<()> {
    let alone = Arc::new(Alone::start(receiver_url).await?);
    say(&format!("ready {receiver_url}"))?;
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while let Some(question) = lines.next_line().await? {
        let answer = match question.as_str() {
            "floor" => serde_json::to_string(&alone.clone().floor(lasting).await?)?,
            "floor evenly" => serde_json::to_string(&alone.clone().floor_evenly(lasting).await?)?,
            "deliver" => serde_json::to_string(&alone.clone().deliver(lasting).await?)?,
            other => bail!("`{other}` is not a question"),
        };
        say(&answer)?;
    }
    Ok(())
}

/// Simulates a day for each question. The question is the number of deliveries that fail and wait.
pub(crate) async fn waiting(stores_url: &str, receiver_url: &str, retry_schedule: &str) -> Result<()> {
    let counts = Arc::new(Counts::default());
    invocations::install(&counts);
    let mut days = Days::start(stores_url, receiver_url, retry_schedule, &counts).await?;
    say(&format!("ready {receiver_url}"))?;
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while let Some(question) = lines.next_line().await? {
        let tally = days.simulate(question.parse()?).await?;
        say(&serde_json::to_string(&tally)?)?;
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

#[cfg(test)]
mod tests {
    use local::stack::app_on_stores;

    use super::*;

    #[test]
    fn a_given_setting_overrides_that_of_the_bench() {
        let given = ["SWEEP_AFTER=1m", "OTHER=a=b", "SWEEP_AFTER=2m"].map(|text| parse_setting(text).unwrap());
        assert_eq!(find_setting(&given, "SWEEP_AFTER").as_deref(), Some("2m"));
        assert_eq!(find_setting(&given, "OTHER").as_deref(), Some("a=b"));
        assert_eq!(find_setting(&[], "SWEEP_AFTER").as_deref(), Some("3650d"));
        assert_eq!(find_setting(&given, "RETENTION_DAYS"), None);
        assert!(parse_setting("SWEEP_AFTER").is_err());
    }

    #[tokio::test]
    async fn functions_start_with_a_setting_that_they_do_not_know() {
        let given = [parse_setting("NOT_A_SETTING=1").unwrap()];
        let at = StoresAt::Embedded(DataLocation::Memory);
        assert!(app_on_stores(&at, |name| find_setting(&given, name)).await.is_ok());
    }
}
