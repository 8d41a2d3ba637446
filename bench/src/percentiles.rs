//! Percentiles of measured times.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::measure::to_f64;

/// Percentiles in milliseconds. Of no times, all are 0.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Percentiles {
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
    pub(crate) p999_ms: f64,
}

impl Percentiles {
    /// The percentiles of these times, in any order.
    pub(crate) fn of(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        let at = |part: f64| {
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an index")]
            let index = (to_f64(times.len() as u64) * part) as usize;
            times.get(index).copied().unwrap_or_default().as_secs_f64() * 1e3
        };
        Self { p50_ms: at(0.5), p99_ms: at(0.99), p999_ms: at(0.999) }
    }

    /// The mean of two measurements.
    pub(crate) fn mean(self, other: Self) -> Self {
        let mean = |a: f64, b: f64| f64::midpoint(a, b);
        Self {
            p50_ms: mean(self.p50_ms, other.p50_ms),
            p99_ms: mean(self.p99_ms, other.p99_ms),
            p999_ms: mean(self.p999_ms, other.p999_ms),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_times_that_so_many_others_do_not_exceed() {
        let times = (1..=1_000).rev().map(Duration::from_millis).collect();
        assert_eq!(Percentiles::of(times), Percentiles { p50_ms: 501.0, p99_ms: 991.0, p999_ms: 1_000.0 });
        assert_eq!(Percentiles::of(Vec::new()), Percentiles::default());
    }
}
