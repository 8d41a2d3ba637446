//! Converts values as Laravel does (<https://laravel.com/docs/12.x/validation>): a blank string is `null`, and numbers
//! may be written as strings.

use serde_json::Value;

use crate::http::api_error::IntegerError;
use crate::http::fields::Conversions;

/// Laravel's conversions.
pub(super) const LARAVEL: Conversions = Conversions { blank_is_null: true, integer: read_integer };

/// Reads a whole number as PHP's `FILTER_VALIDATE_INT` does.
fn read_integer(value: &Value) -> Result<i64, IntegerError> {
    let number = match value {
        Value::Number(number) => number.as_i64().or_else(|| {
            let whole = number.as_f64().filter(|float| float.fract() == 0.0 && float.abs() < 1e15)?;
            #[allow(clippy::cast_possible_truncation, reason = "it is whole and within range")]
            Some(whole as i64)
        }),
        Value::String(text) => text.trim().parse().ok(),
        Value::Bool(true) => Some(1),
        Value::Null | Value::Bool(false) | Value::Array(_) | Value::Object(_) => None,
    };
    number.ok_or(IntegerError::Type)
}
