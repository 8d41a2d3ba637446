//! Counts what a process's invocations do, and writes log lines from which CloudWatch makes metrics. Their format is
//! the embedded metric format,
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use domain::time::Timestamp;
use serde_json::{Map, Value, json};

/// The most values of one metric in one line.
const VALUES_MAX: usize = 100;

/// A metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Metric {
    /// Events that were accepted.
    Published,
    /// Deliveries that succeeded.
    Delivered,
    /// Deliveries that failed for good.
    Failed,
    /// Attempts that failed and will be retried.
    Retried,
    /// 1 for an attempt with a 2xx answer, 0 for any other. Its average is the success rate.
    Success,
    /// Milliseconds from an event's acceptance to the success of its delivery.
    Latency,
    /// Processes that were started.
    ColdStarts,
}

impl Metric {
    const fn name(self) -> &'static str {
        match self {
            Self::Published => "Published",
            Self::Delivered => "Delivered",
            Self::Failed => "Failed",
            Self::Retried => "Retried",
            Self::Success => "Success",
            Self::Latency => "Latency",
            Self::ColdStarts => "ColdStarts",
        }
    }

    const fn unit(self) -> &'static str {
        match self {
            Self::Latency => "Milliseconds",
            Self::Success => "None",
            Self::Published | Self::Delivered | Self::Failed | Self::Retried | Self::ColdStarts => "Count",
        }
    }
}

const DIALECT: &str = "Dialect";
const FUNCTION: &str = "Function";

/// Values by metric, for each dialect or function.
type ValuesByMetric = BTreeMap<(&'static str, String), BTreeMap<Metric, Vec<f64>>>;

/// The values since the last lines were written. Clones share them. The default counts nothing.
#[derive(Debug, Clone, Default)]
pub struct Metrics(Option<Arc<Counter>>);

#[derive(Debug)]
struct Counter {
    namespace: String,
    counted: Mutex<ValuesByMetric>,
}

impl Metrics {
    /// Metrics that count, for a namespace of CloudWatch.
    #[must_use]
    pub fn of(namespace: &str) -> Self {
        Self(Some(Arc::new(Counter { namespace: namespace.to_owned(), counted: Mutex::default() })))
    }

    /// Adds `amount` for a dialect.
    pub fn count(&self, metric: Metric, dialect: &str, amount: usize) {
        self.add((DIALECT, dialect), metric, f64::from(u32::try_from(amount).unwrap_or(u32::MAX)));
    }

    /// Counts an attempt in a dialect as a success or a failure.
    pub fn count_attempt(&self, dialect: &str, success: bool) {
        self.add((DIALECT, dialect), Metric::Success, f64::from(u8::from(success)));
    }

    /// Adds the latency of a delivery in a dialect.
    pub fn record_latency(&self, dialect: &str, time: Duration) {
        self.add((DIALECT, dialect), Metric::Latency, time.as_secs_f64() * 1e3);
    }

    /// Counts the start of a function's process.
    pub fn count_cold_start(&self, function: &str) {
        self.add((FUNCTION, function), Metric::ColdStarts, 1.0);
    }

    fn add(&self, (dimension, value): (&'static str, &str), metric: Metric, amount: f64) {
        let Some(counter) = &self.0 else { return };
        let mut counted = counter.counted.lock().unwrap_or_else(PoisonError::into_inner);
        let values = counted.entry((dimension, value.to_owned())).or_default().entry(metric).or_default();
        // Counts add up. Metrics with an average keep each value, as far as a line takes them.
        if let Some(sum) = values.last_mut().filter(|_| metric.unit() == "Count") {
            *sum += amount;
        } else if values.len() < VALUES_MAX {
            values.push(amount);
        }
    }

    /// The log lines for everything counted since the last call.
    #[must_use]
    pub fn lines(&self, now: Timestamp) -> Vec<String> {
        let Some(counter) = &self.0 else { return Vec::new() };
        let counted = std::mem::take(&mut *counter.counted.lock().unwrap_or_else(PoisonError::into_inner));
        let line = |(dimension, metrics)| line(&counter.namespace, dimension, metrics, now);
        counted.into_iter().map(line).collect()
    }
}

/// The line for one dialect or one function. CloudWatch also adds a dialect's values to the total over all dialects.
fn line(
    namespace: &str,
    (dimension, value): (&'static str, String),
    metrics: BTreeMap<Metric, Vec<f64>>,
    now: Timestamp,
) -> String {
    let definitions: Vec<Value> =
        metrics.keys().map(|metric| json!({ "Name": metric.name(), "Unit": metric.unit() })).collect();
    // CloudWatch bills each value of a dimension as a metric of its own. So cold starts are counted over all functions,
    // and the line names the function.
    let dimensions = if dimension == FUNCTION { json!([[]]) } else { json!([[], [dimension]]) };
    let directive = json!({ "Namespace": namespace, "Dimensions": dimensions, "Metrics": definitions });
    let mut members = Map::new();
    members.insert("_aws".to_owned(), json!({ "Timestamp": now, "CloudWatchMetrics": [directive] }));
    members.insert(dimension.to_owned(), value.into());
    members.extend(metrics.into_iter().map(|(metric, values)| (metric.name().to_owned(), values.into())));
    Value::Object(members).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_the_counts_since_the_last_line() {
        let metrics = Metrics::of("stack");
        for success in [true, false] {
            metrics.count(Metric::Published, "casey", 2);
            metrics.count_attempt("casey", success);
            metrics.record_latency("casey", Duration::from_millis(5));
        }
        metrics.count_cold_start("pipeline-deliver");
        let lines = metrics.lines(Timestamp::from_millis(1_000));
        let [of_casey, started] = &lines[..] else { panic!("{lines:?}") };
        let expected = json!({
            "_aws": { "Timestamp": 1_000, "CloudWatchMetrics": [{
                "Namespace": "stack", "Dimensions": [[], ["Dialect"]],
                "Metrics": [
                    { "Name": "Published", "Unit": "Count" }, { "Name": "Success", "Unit": "None" },
                    { "Name": "Latency", "Unit": "Milliseconds" },
                ],
            }] },
            "Dialect": "casey", "Published": [4.0], "Success": [1.0, 0.0], "Latency": [5.0, 5.0],
        });
        assert_eq!(serde_json::from_str::<Value>(of_casey).unwrap(), expected);
        for part in [r#""ColdStarts":[1.0]"#, r#""Function":"pipeline-deliver""#, r#""Dimensions":[[]]"#] {
            assert!(started.contains(part), "{started}");
        }
        assert!(metrics.lines(Timestamp::from_millis(2_000)).is_empty());
    }

    #[test]
    fn metrics_that_are_off_count_nothing() {
        let metrics = Metrics::default();
        metrics.count(Metric::Published, "native", 1);
        assert!(metrics.lines(Timestamp::from_millis(0)).is_empty());
    }
}
