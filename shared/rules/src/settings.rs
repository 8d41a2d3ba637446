//! The functions' settings. The environment is read here, once. All missing and invalid settings are reported together.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::address::AllowedNetworks;
use crate::retry::{Schedule, Wait};
use crate::seal::SealingKeys;

/// The highest value of `WEBHOOKS_MAX`. It is limited because fan-out reads all webhooks of an owner for each event.
const WEBHOOKS_MAX_MAX: usize = 500;

/// The settings that `template.yaml` sets for every function. The environment variables have the same names, in
/// capitals.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The table of agents, webhooks and API keys.
    pub config_table: String,
    /// The table of deliveries.
    pub log_table: String,
    /// The queue of published events, for fan-out.
    pub events_queue_url: String,
    /// The queue of first attempts.
    pub deliveries_queue_url: String,
    /// The queue of later attempts, and of the slow lane.
    pub retries_queue_url: String,
    /// The waits between attempts: `5s,5m,30m,2h`.
    pub retry_schedule: Schedule,
    /// How far a wait may differ from the schedule, from 0 to 1: 0.2 is ±20 %.
    pub retry_jitter: f64,
    /// Whether a webhook's URL has to be `https`.
    pub require_https: bool,
    /// Networks that deliveries may reach although they are not public.
    pub allowed_networks: AllowedNetworks,
    /// How many days the log is kept.
    pub retention_days: u16,
    /// The most additional webhooks of one agent, and of a project itself.
    pub webhooks_max: usize,
    /// The keys that seal webhooks' secrets in the store.
    pub sealing_keys: SealingKeys,
    /// How long an endpoint may fail, without one success, before its webhook is disabled.
    pub disable_after: Duration,
    /// How long an attempt may be overdue before `sweep` assumes that its queue message is lost.
    pub sweep_after: Duration,
    /// The share of successful events that the functions log, from 0 to 1.
    pub log_successes: f64,
    /// The namespace of the metrics in CloudWatch.
    pub metrics_namespace: String,
}

/// All settings that are missing or invalid, with one message each.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct InvalidSettings(Vec<String>);

impl fmt::Display for InvalidSettings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "the environment has missing or wrong settings: {}", self.0.join("; "))
    }
}

/// The environment variable called `name`. `None` if it is not set or is not UTF-8.
#[must_use]
#[allow(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

impl Settings {
    /// Reads the process's environment.
    ///
    /// # Errors
    /// Names every setting that is missing or invalid.
    pub fn from_env() -> Result<Self, InvalidSettings> {
        Self::read(variable)
    }

    /// Reads the settings from `get`, which gives a variable's value by its name.
    ///
    /// # Errors
    /// Names every setting that is missing or invalid.
    pub fn read(get: impl Fn(&str) -> Option<String>) -> Result<Self, InvalidSettings> {
        let mut reader = Reader { get, wrong: Vec::new() };
        let settings = (
            reader.value("CONFIG_TABLE"),
            reader.value("LOG_TABLE"),
            reader.value("EVENTS_QUEUE_URL"),
            reader.value("DELIVERIES_QUEUE_URL"),
            reader.value("RETRIES_QUEUE_URL"),
            reader.value("RETRY_SCHEDULE"),
            reader.checked("RETRY_JITTER", |jitter: &f64| (0.0..=1.0).contains(jitter), "0 to 1"),
            reader.value("REQUIRE_HTTPS"),
            reader.value_or("ALLOWED_NETWORKS", ""),
            reader.checked("RETENTION_DAYS", |days: &u16| *days >= 1, "at least 1"),
            reader.checked("WEBHOOKS_MAX", |max: &usize| (1..=WEBHOOKS_MAX_MAX).contains(max), "1 to 500"),
            reader.secret("SEALING_KEYS"),
            reader.value::<Wait>("DISABLE_AFTER"),
            reader.value::<Wait>("SWEEP_AFTER"),
            reader.checked_or("LOG_SUCCESSES", "0.01", |share: &f64| (0.0..=1.0).contains(share), "0 to 1"),
            reader.value_or("METRICS_NAMESPACE", "Switchhook"),
        );
        let (
            Some(config_table),
            Some(log_table),
            Some(events_queue_url),
            Some(deliveries_queue_url),
            Some(retries_queue_url),
            Some(retry_schedule),
            Some(retry_jitter),
            Some(require_https),
            Some(allowed_networks),
            Some(retention_days),
            Some(webhooks_max),
            Some(sealing_keys),
            Some(Wait(disable_after)),
            Some(Wait(sweep_after)),
            Some(log_successes),
            Some(metrics_namespace),
        ) = settings
        else {
            return Err(InvalidSettings(reader.wrong));
        };
        Ok(Self {
            config_table,
            log_table,
            events_queue_url,
            deliveries_queue_url,
            retries_queue_url,
            retry_schedule,
            retry_jitter,
            require_https,
            allowed_networks,
            retention_days,
            webhooks_max,
            sealing_keys,
            disable_after,
            sweep_after,
            log_successes,
            metrics_namespace,
        })
    }
}

/// Reads variables one by one, and collects the errors.
struct Reader<F> {
    get: F,
    wrong: Vec<String>,
}

impl<F: Fn(&str) -> Option<String>> Reader<F> {
    fn given(&mut self, name: &str) -> Option<String> {
        let text = (self.get)(name);
        if text.is_none() {
            self.wrong.push(format!("{name} is not set"));
        }
        text
    }

    fn value<T>(&mut self, name: &str) -> Option<T>
    where
        T: FromStr,
        T::Err: fmt::Display,
    {
        let text = self.given(name)?;
        self.parse(name, &text)
    }

    /// Reads a variable whose value must not appear in an error message.
    fn secret<T>(&mut self, name: &str) -> Option<T>
    where
        T: FromStr,
        T::Err: fmt::Display,
    {
        self.given(name)?.parse().map_err(|error| self.wrong.push(format!("{name}: {error}"))).ok()
    }

    /// Reads a variable that is usually empty. Some tools leave empty variables out of the environment.
    fn value_or<T>(&mut self, name: &str, default: &str) -> Option<T>
    where
        T: FromStr,
        T::Err: fmt::Display,
    {
        self.parse(name, &(self.get)(name).unwrap_or_else(|| default.to_owned()))
    }

    fn parse<T>(&mut self, name: &str, text: &str) -> Option<T>
    where
        T: FromStr,
        T::Err: fmt::Display,
    {
        text.parse().map_err(|error| self.wrong.push(format!("{name} is `{text}`: {error}"))).ok()
    }

    fn checked<T>(&mut self, name: &str, valid: impl Fn(&T) -> bool, range: &str) -> Option<T>
    where
        T: FromStr,
        T::Err: fmt::Display,
    {
        let value = self.value(name);
        self.in_range(name, value, valid, range)
    }

    /// Reads a setting that an earlier release did not have. While a function is updated, its new code may run for a
    /// moment with the old environment.
    fn checked_or<T>(&mut self, name: &str, default: &str, valid: impl Fn(&T) -> bool, range: &str) -> Option<T>
    where
        T: FromStr,
        T::Err: fmt::Display,
    {
        let value = self.value_or(name, default);
        self.in_range(name, value, valid, range)
    }

    fn in_range<T>(&mut self, name: &str, value: Option<T>, valid: impl Fn(&T) -> bool, range: &str) -> Option<T> {
        if !value.as_ref().is_none_or(valid) {
            self.wrong.push(format!("{name} has to be {range}"));
            return None;
        }
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complete(name: &str) -> Option<String> {
        let value = match name {
            "RETRY_SCHEDULE" => "5s,5m",
            "RETRY_JITTER" => "0.2",
            "LOG_SUCCESSES" => "0.01",
            "REQUIRE_HTTPS" => "true",
            "ALLOWED_NETWORKS" => "",
            "RETENTION_DAYS" => "30",
            "WEBHOOKS_MAX" => "50",
            "SEALING_KEYS" => "k1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
            "DISABLE_AFTER" => "5d",
            "SWEEP_AFTER" => "20m",
            _ => "name",
        };
        Some(value.to_owned())
    }

    #[test]
    fn complete_settings_are_read() {
        let settings = Settings::read(complete).unwrap();
        assert!(settings.require_https);
        assert_eq!(settings.allowed_networks, AllowedNetworks::default());
    }

    #[test]
    fn all_that_is_wrong_is_told_together() {
        let error = Settings::read(|name| match name {
            "LOG_TABLE" => None,
            "RETRY_SCHEDULE" => Some("5 minutes".to_owned()),
            "RETRY_JITTER" => Some("2".to_owned()),
            "SEALING_KEYS" => Some("k1:hunter2".to_owned()),
            "REQUIRE_HTTPS" => Some("yes".to_owned()),
            other => complete(other),
        });
        let told = error.unwrap_err().to_string();
        for part in [
            "LOG_TABLE is not set",
            "RETRY_SCHEDULE is `5 minutes`",
            "RETRY_JITTER has to be 0 to 1",
            "SEALING_KEYS: not keys",
            "REQUIRE_HTTPS is `yes`: ",
        ] {
            assert!(told.contains(part), "{told}");
        }
        assert!(!told.contains("hunter2"), "{told}");
    }
}
