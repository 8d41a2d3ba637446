//! The cost that a run would have had on AWS, from the run's counts and one dated file of list prices.

use anyhow::Result;
use serde::{Deserialize, Serialize};

use crate::count::Tally;
use crate::measure::to_f64;
use crate::storage::Stored;

/// Memory of a function in GB, as the template sets it.
pub(crate) const LAMBDA_GB: f64 = 0.25;

/// Memory in GB at which Lambda gives a function one whole processor.
const GB_A_PROCESSOR: f64 = 1769.0 / 1024.0;

/// How much longer a call to AWS takes than a call to the embedded stores. Each call of an invocation adds it, although
/// some calls are concurrent.
const AWS_CALL_S: f64 = 0.005;

/// The calls that Lambda's poller makes for a batch: one to receive it, one to delete it.
const POLLER_CALLS: f64 = 2.0;

/// Bytes of a GB, as DynamoDB counts them.
const GB: f64 = 1024.0 * 1024.0 * 1024.0;

/// Seconds of a month, as AWS counts them: 730 hours.
const MONTH_S: f64 = 730.0 * 3600.0;

/// List prices in dollars.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Prices {
    pub(crate) region: String,
    pub(crate) architecture: String,
    /// The month for which the prices were looked up.
    pub(crate) as_of: String,
    sources: Vec<String>,
    api_gateway_request: f64,
    lambda_request: f64,
    lambda_gb_second: f64,
    sqs_request: f64,
    sqs_fair_queue_surcharge: f64,
    dynamodb_write_unit: f64,
    dynamodb_read_unit: f64,
    dynamodb_storage_gb_month: f64,
    dynamodb_point_in_time_recovery_gb_month: f64,
}

impl Prices {
    /// The prices in `prices.json`.
    pub(crate) fn listed() -> Result<Self> {
        Ok(serde_json::from_str(include_str!("../prices.json"))?)
    }

    /// Dollars for storing a million times these bytes until they expire. Backups hold the tables and no indexes.
    pub(crate) fn storage(&self, stored: Stored) -> f64 {
        let storage = (stored.table_byte_s + stored.index_byte_s) * self.dynamodb_storage_gb_month;
        let backups = stored.table_byte_s * self.dynamodb_point_in_time_recovery_gb_month;
        (storage + backups) / GB / MONTH_S * 1e6
    }
}

/// The cost of a million delivered events, in dollars by service, and the counts behind it.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Cost {
    pub(crate) api_gateway: f64,
    pub(crate) lambda: f64,
    pub(crate) sqs: f64,
    pub(crate) dynamodb: f64,
    /// For each delivered event, and so are the fields below.
    pub(crate) write_units: f64,
    pub(crate) read_units: f64,
    pub(crate) invocations: f64,
    pub(crate) sqs_requests: f64,
}

/// The GB-seconds that a run would take on Lambda, from its counts and its processor time here.
pub(crate) fn gb_seconds(tally: &Tally, cpu_s: f64) -> f64 {
    let measured_s = to_f64(tally.invocations.values().map(|invocations| invocations.billed_ms).sum()) / 1e3;
    let calls = tally.calls.values().flat_map(|calls| calls.values());
    let waited_s = measured_s + to_f64(calls.map(|calls| calls.calls).sum()) * AWS_CALL_S;
    // A function with less memory than that of a whole processor computes proportionally longer.
    waited_s * LAMBDA_GB + cpu_s * (GB_A_PROCESSOR - LAMBDA_GB)
}

impl Cost {
    /// The cost of `delivered` events that took the calls in `tally` and `gb_s` GB-seconds of Lambda.
    pub(crate) fn of(tally: &Tally, prices: &Prices, delivered: u64, gb_s: f64) -> Self {
        let each = |sum: f64| sum / to_f64(delivered);
        let calls = || tally.calls.values().flat_map(|calls| calls.values());
        let count = |functions: fn(&str) -> bool| {
            let counted = tally.invocations.iter().filter(|(name, _)| functions(name));
            to_f64(counted.map(|(_, invocations)| invocations.count).sum())
        };
        let requests = count(|name| name == "pipeline-publish-events");
        let batches = count(|name| ["pipeline-fan-out", "pipeline-deliver", "pipeline-run-task"].contains(&name));
        let sqs_requests = to_f64(calls().map(|calls| calls.requests).sum()) + batches * POLLER_CALLS;
        let write_units: f64 = calls().map(|calls| calls.write_units).sum();
        let read_units: f64 = calls().map(|calls| calls.read_units).sum();
        let invocations = requests + batches;
        let million = |dollars: f64| each(dollars) * 1e6;
        Self {
            api_gateway: million(requests * prices.api_gateway_request),
            lambda: million(invocations * prices.lambda_request + gb_s * prices.lambda_gb_second),
            sqs: million(sqs_requests * (prices.sqs_request + prices.sqs_fair_queue_surcharge)),
            dynamodb: million(write_units * prices.dynamodb_write_unit + read_units * prices.dynamodb_read_unit),
            write_units: each(write_units),
            read_units: each(read_units),
            invocations: each(invocations),
            sqs_requests: each(sqs_requests),
        }
    }

    /// This cost without `other`.
    pub(crate) fn minus(&self, other: &Self) -> Self {
        Self {
            api_gateway: self.api_gateway - other.api_gateway,
            lambda: self.lambda - other.lambda,
            sqs: self.sqs - other.sqs,
            dynamodb: self.dynamodb - other.dynamodb,
            write_units: self.write_units - other.write_units,
            read_units: self.read_units - other.read_units,
            invocations: self.invocations - other.invocations,
            sqs_requests: self.sqs_requests - other.sqs_requests,
        }
    }

    /// Dollars for all services.
    pub(crate) fn total(&self) -> f64 {
        self.api_gateway + self.lambda + self.sqs + self.dynamodb
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gb_stored_for_a_month_costs_its_price_and_that_of_its_backup() {
        let prices = Prices::listed().unwrap();
        let gb = Stored { table_byte_s: GB * MONTH_S / 1e6, ..Stored::default() };
        assert!((prices.storage(gb) - 0.45).abs() < 1e-9);
        let index = Stored { index_byte_s: GB * MONTH_S / 1e6, ..Stored::default() };
        assert!((prices.storage(index) - 0.25).abs() < 1e-9);
    }
}
