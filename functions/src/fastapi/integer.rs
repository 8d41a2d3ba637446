//! Reads whole numbers as Pydantic does (<https://docs.pydantic.dev/latest/concepts/conversion_table/>).

use serde_json::Value;

use crate::http::api_error::IntegerError;

pub(super) fn read_integer(input: &Value) -> Result<i64, IntegerError> {
    match input {
        Value::Number(number) => number.as_i64().map_or_else(|| whole(number.as_f64().unwrap_or(f64::NAN)), Ok),
        Value::String(text) => parse(text).ok_or(IntegerError::Unparsable),
        Value::Bool(truth) => Ok(i64::from(*truth)),
        Value::Null | Value::Array(_) | Value::Object(_) => Err(IntegerError::Type),
    }
}

/// Reads a sign, digits with single underscores between them, and zeros after a point. A number beyond the range of
/// `i64` becomes the end of the range, which no field allows.
fn parse(text: &str) -> Option<i64> {
    let text = text.trim();
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (digits, zeros) = digits.split_once('.').unwrap_or((digits, ""));
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !digits.split('_').all(is_number) || zeros.bytes().any(|byte| byte != b'0') {
        return None;
    }
    let (sign, end) = if negative { ("-", i64::MIN) } else { ("", i64::MAX) };
    Some(format!("{sign}{}", digits.replace('_', "")).parse().unwrap_or(end))
}

/// Converts a float that is a whole number. A float beyond the range of `i64` becomes the end of the range, which no
/// field allows.
fn whole(number: f64) -> Result<i64, IntegerError> {
    if number.fract() == 0.0 {
        #[allow(clippy::cast_possible_truncation, reason = "`as` saturates, which is what is wanted")]
        Ok(number as i64)
    } else {
        Err(IntegerError::Fraction)
    }
}
