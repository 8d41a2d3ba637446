//! Counts a project's deliveries.

use std::collections::BTreeMap;

use clients::store::primary_deliveries::Counted;
use domain::Status;
use domain::time::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use super::schema::status_name;

const HOUR_MS: i64 = 60 * 60 * 1000;

/// `{total, success, failed, pending, successRate, byEventType: {type: {status: n}}, byHour: [{hour, total, success,
/// failed}]}`
#[derive(Debug, Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Stats {
    total: u64,
    success: u64,
    failed: u64,
    pending: u64,
    success_rate: f64,
    by_event_type: BTreeMap<String, BTreeMap<&'static str, u64>>,
    by_hour: Vec<Hour>,
}

/// The deliveries of events that were accepted within one hour.
#[derive(Debug, Default, Serialize, JsonSchema)]
struct Hour {
    hour: String,
    total: u64,
    success: u64,
    failed: u64,
}

/// `{total, success, failed, successRate}`
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct AllTimeStats {
    total: u64,
    success: u64,
    failed: u64,
    success_rate: f64,
}

impl From<Counter> for AllTimeStats {
    fn from(counter: Counter) -> Self {
        let Stats { total, success, failed, success_rate, .. } = counter.finish();
        Self { total, success, failed, success_rate }
    }
}

/// The statistics while deliveries are still being counted.
#[derive(Debug, Default)]
pub(super) struct Counter {
    stats: Stats,
    by_hour: BTreeMap<i64, Hour>,
}

impl Counter {
    pub(super) fn count(&mut self, delivery: Counted) {
        let start = delivery.created_at.millis().div_euclid(HOUR_MS) * HOUR_MS;
        let hour = self.by_hour.entry(start).or_default();
        hour.total += 1;
        self.stats.total += 1;
        match delivery.status {
            Status::Success => {
                hour.success += 1;
                self.stats.success += 1;
            }
            Status::Failed | Status::Skipped => {
                hour.failed += 1;
                self.stats.failed += 1;
            }
            Status::Pending => self.stats.pending += 1,
        }
        let status = status_name(delivery.status);
        let by_status = self.stats.by_event_type.entry(delivery.event_type).or_default();
        *by_status.entry(status).or_default() += 1;
    }

    pub(super) fn finish(mut self) -> Stats {
        self.stats.success_rate = percent(self.stats.success, self.stats.total);
        let hours = self.by_hour.into_iter();
        self.stats.by_hour =
            hours.map(|(start, hour)| Hour { hour: Timestamp::from_millis(start).iso8601(), ..hour }).collect();
        self.stats
    }
}

/// A percentage with two decimals; 0 if `whole` is 0.
fn percent(part: u64, whole: u64) -> f64 {
    #[allow(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    let (part, whole) = (part as f64, whole.max(1) as f64);
    (part / whole * 10_000.0).round() / 100.0
}
