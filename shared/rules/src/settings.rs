//! The functions' settings: each is declared once, here. The declarations give the parsing, and `cargo regenerate` makes
//! of them the template's parameters, the functions' environment and the table in `docs/reference/settings.md`.

use std::fmt;
use std::time::Duration;

use crate::address::AllowedNetworks;
use crate::retry::{Schedule, Wait};
use crate::seal::SealingKeys;

/// Where a setting's value comes from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Source {
    /// A table or queue of the template.
    Resource(&'static str),
    /// A queue that the template of release 0.1.0 lacks. While an update is under way, its URL may be empty.
    NewResource(&'static str),
    /// A parameter of the template, with its default.
    Parameter(&'static str, Kind),
    /// Secrets Manager, by way of the template. An error never repeats the value.
    Secret,
    /// The stack's name; without it, this.
    StackName(&'static str),
}

/// The values that a parameter may have.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// Text.
    Text,
    /// `true` or `false`.
    Boolean,
    /// A whole number in this range.
    Number(u32, u32),
    /// A number in this range.
    Decimal(f64, f64),
    /// One of these words.
    OneOf(&'static [&'static str]),
}

/// The deliveries whose bodies the log keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeepBodies {
    /// All deliveries.
    All,
    /// Deliveries that have not succeeded.
    Failed,
}

/// A declared setting.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Setting {
    /// The field of [`Settings`]. The environment variable is the same in capitals.
    pub field: &'static str,
    /// Where its value comes from.
    pub source: Source,
    /// Its purpose, for the template and the docs: the lines of the field's documentation.
    pub description: &'static [&'static str],
}

impl Setting {
    /// The environment variable: `RETRY_SCHEDULE`.
    #[must_use]
    pub fn variable(&self) -> String {
        self.field.to_uppercase()
    }

    /// The template's parameter: `RetrySchedule`.
    #[must_use]
    pub fn parameter(&self) -> String {
        pascal_case(self.field, '_')
    }
}

/// `name`, with each word after a `separator` capitalized, and without separators: `RetrySchedule` of `retry_schedule`.
#[must_use]
pub fn pascal_case(name: &str, separator: char) -> String {
    let words = name.split(separator).map(|word| {
        let (first, rest) = word.split_at_checked(1).unwrap_or_default();
        first.to_uppercase() + rest
    });
    words.collect()
}

/// Declares the fields of [`Settings`], each with its documentation and [`Source`].
macro_rules! settings {
    ($($(#[doc = $doc:literal])+ $field:ident: $type:ty = $source:expr;)+) => {
        /// The settings of every function. The template sets each as an environment variable: the field's name in capitals.
        #[derive(Debug, Clone)]
        pub struct Settings {
            $($(#[doc = $doc])+ pub $field: $type,)+
        }

        /// Every setting, in the order in which the docs list them.
        pub const SETTINGS: &[Setting] = &[
            $(Setting { field: stringify!($field), source: $source, description: &[$($doc),+] },)+
        ];

        impl Settings {
            /// Reads the settings from `get`, which gives a variable's value by its name.
            ///
            /// # Errors
            /// Names every setting that is missing or cannot be read.
            pub fn read(get: impl Fn(&str) -> Option<String>) -> Result<Self, InvalidSettings> {
                let mut wrong = Vec::new();
                let mut declared = SETTINGS.iter();
                $(let $field: Option<$type> = declared.next().and_then(|setting| value(setting, &get, &mut wrong));)+
                if let ($(Some($field),)+) = ($($field,)+) {
                    return Ok(Self { $($field,)+ });
                }
                Err(InvalidSettings(wrong))
            }
        }
    };
}

settings! {
    /// The table of API keys, projects, agents and webhooks.
    config_table: String = Source::Resource("ConfigTable");
    /// The table of deliveries and conversations.
    log_table: String = Source::Resource("LogTable");
    /// The queue of published events.
    events_queue_url: String = Source::Resource("EventsQueue");
    /// The queue of first attempts.
    deliveries_queue_url: String = Source::Resource("DeliveriesQueue");
    /// The queue of later attempts.
    retries_queue_url: String = Source::Resource("RetriesQueue");
    /// The queue of the steps of longer work.
    tasks_queue_url: String = Source::NewResource("TasksQueue");
    /// The waits between attempts (`ms`, `s`, `m`, `h`, `d`). A webhook uses as many as it has retries, and has no more
    /// retries than there are waits. Empty means no retries.
    retry_schedule: Schedule = Source::Parameter("5s,5m,30m,2h,5h,10h,10h,14h,20h,24h", Kind::Text);
    /// How far a wait may be off its schedule: 0.2 is ±20 %.
    retry_jitter: f64 = Source::Parameter("0.2", Kind::Decimal(0.0, 1.0));
    /// Whether a webhook's URL has to be https.
    require_https: bool = Source::Parameter("true", Kind::Boolean);
    /// Networks that deliveries may reach although they are not public, in CIDR notation and separated by commas. Set it to
    /// nothing to close them.
    allowed_networks: AllowedNetworks = Source::Parameter("", Kind::Text);
    /// Days that deliveries and conversations are kept.
    retention_days: u16 = Source::Parameter("30", Kind::Number(1, 3650));
    /// The deliveries whose bodies the log keeps: `all`, or `failed` for those with a failed attempt. A delivery can be sent
    /// again, and an event's data can be read, only if its body is kept.
    keep_bodies: KeepBodies = Source::Parameter("all", Kind::OneOf(&["all", "failed"]));
    /// Webhooks that one agent may have besides its primary webhook, and as many a project. Fan-out reads them all for each
    /// event.
    webhooks_max: usize = Source::Parameter("50", Kind::Number(1, 500));
    /// The keys that seal webhooks' secrets in the store (AES-256-GCM): `id:base64` or `id:hex` of 32 bytes, separated by
    /// commas. The first key seals. The others open what they sealed before a rotation.
    sealing_keys: SealingKeys = Source::Secret;
    /// How long an endpoint may fail without one success before its webhook is disabled.
    disable_after: Duration = Source::Parameter("5d", Kind::Text);
    /// How long an attempt may be overdue before `sweep` queues it again.
    sweep_after: Duration = Source::Parameter("20m", Kind::Text);
    /// The share of events whose success is logged at every step, from 0 to 1. Failures are always logged.
    log_successes: f64 = Source::Parameter("0.01", Kind::Decimal(0.0, 1.0));
    /// The namespace of the metrics in CloudWatch.
    metrics_namespace: String = Source::StackName("Switchhook");
}

/// Every setting that is missing or cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct InvalidSettings(Vec<String>);

impl fmt::Display for InvalidSettings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "the environment has missing or wrong settings: {}", self.0.join("; "))
    }
}

/// The environment variable called `name`; `None` where it is not set, or not UTF-8.
#[must_use]
#[allow(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
pub fn read_variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

impl Settings {
    /// Reads the process's environment.
    ///
    /// # Errors
    /// Names every setting that is missing or cannot be read.
    pub fn from_env() -> Result<Self, InvalidSettings> {
        Self::read(read_variable)
    }
}

/// A setting's value. A variable that is missing takes the parameter's default: while a function is updated, its new code may
/// run for a moment with the old environment.
fn value<T: Read>(setting: &Setting, get: impl Fn(&str) -> Option<String>, wrong: &mut Vec<String>) -> Option<T> {
    let name = setting.variable();
    let default = match setting.source {
        Source::Parameter(default, _) | Source::StackName(default) => Some(default.to_owned()),
        Source::NewResource(_) => Some(String::new()),
        Source::Resource(_) | Source::Secret => None,
    };
    let Some(text) = get(&name).or(default) else {
        wrong.push(format!("{name} is not set"));
        return None;
    };
    if let Some(range) = out_of_range(setting.source, &text) {
        wrong.push(format!("{name} has to be {range}"));
        return None;
    }
    T::read(&text)
        .map_err(|error| {
            wrong.push(match setting.source {
                Source::Secret => format!("{name}: {error}"),
                Source::Resource(_) | Source::NewResource(_) | Source::Parameter(..) | Source::StackName(_) => {
                    format!("{name} is `{text}`: {error}")
                }
            });
        })
        .ok()
}

/// The range that a number is not in.
fn out_of_range(source: Source, text: &str) -> Option<String> {
    let Source::Parameter(_, kind) = source else { return None };
    let (min, max) = match kind {
        Kind::Number(min, max) => (f64::from(min), f64::from(max)),
        Kind::Decimal(min, max) => (min, max),
        Kind::Text | Kind::Boolean | Kind::OneOf(_) => return None,
    };
    let number: f64 = text.parse().ok()?;
    (!(min..=max).contains(&number)).then(|| format!("{min} to {max}"))
}

/// A type that a setting can have.
trait Read: Sized {
    /// Reads a value.
    fn read(text: &str) -> Result<Self, String>;
}

macro_rules! read_from_str {
    ($($type:ty),+) => {
        $(impl Read for $type {
            fn read(text: &str) -> Result<Self, String> {
                text.parse().map_err(|error: <Self as std::str::FromStr>::Err| error.to_string())
            }
        })+
    };
}

read_from_str!(String, bool, f64, u16, usize, Schedule, AllowedNetworks, SealingKeys);

impl Read for KeepBodies {
    fn read(text: &str) -> Result<Self, String> {
        match text {
            "all" => Ok(Self::All),
            "failed" => Ok(Self::Failed),
            _ => Err("neither `all` nor `failed`".to_owned()),
        }
    }
}

impl Read for Duration {
    fn read(text: &str) -> Result<Self, String> {
        text.parse().map(|Wait(duration)| duration).map_err(|error| error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The settings without a default.
    fn required(name: &str) -> Option<String> {
        match name {
            "SEALING_KEYS" => Some("k1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=".to_owned()),
            "CONFIG_TABLE" | "LOG_TABLE" => Some("table".to_owned()),
            name => name.ends_with("_QUEUE_URL").then(|| "https://sqs".to_owned()),
        }
    }

    #[test]
    fn a_setting_that_is_not_set_takes_its_default() {
        let settings = Settings::read(required).unwrap();
        assert!(settings.require_https);
        assert_eq!(settings.allowed_networks, AllowedNetworks::default());
        assert_eq!(settings.disable_after, Duration::from_secs(5 * 24 * 60 * 60));
        assert_eq!(settings.metrics_namespace, "Switchhook");
    }

    #[test]
    fn everything_that_is_wrong_is_named_together_and_no_secret_is_repeated() {
        let error = Settings::read(|name| match name {
            "LOG_TABLE" => None,
            "RETRY_SCHEDULE" => Some("5 minutes".to_owned()),
            "RETRY_JITTER" => Some("2".to_owned()),
            "RETENTION_DAYS" => Some("0".to_owned()),
            "SEALING_KEYS" => Some("k1:hunter2".to_owned()),
            "REQUIRE_HTTPS" => Some("yes".to_owned()),
            other => required(other),
        });
        let message = error.unwrap_err().to_string();
        for part in [
            "LOG_TABLE is not set",
            "RETRY_SCHEDULE is `5 minutes`",
            "RETRY_JITTER has to be 0 to 1",
            "RETENTION_DAYS has to be 1 to 3650",
            "SEALING_KEYS: not keys",
            "REQUIRE_HTTPS is `yes`: ",
        ] {
            assert!(message.contains(part), "{message}");
        }
        assert!(!message.contains("hunter2"), "{message}");
    }

    #[test]
    fn a_setting_is_named_alike_in_the_environment_and_the_template() {
        let names: Vec<_> = SETTINGS.iter().map(|setting| (setting.variable(), setting.parameter())).collect();
        assert!(names.contains(&("RETRY_SCHEDULE".to_owned(), "RetrySchedule".to_owned())));
    }
}
