//! Reading fields as Laravel validates them: unknown ones are passed over, an empty text is `null`, numbers and booleans
//! may be written as texts, and everything that is wrong is told at once, in the sentences of
//! <https://github.com/laravel/framework/blob/12.x/src/Illuminate/Translation/lang/en/validation.php>.

use std::ops::RangeInclusive;

use serde_json::{Map, Value};
use shared::http::request::BODY_BYTES_MAX;

use super::Problem;
use super::problem::Errors;

/// Reads a body that has to be a JSON object.
pub(super) fn object(body: &[u8]) -> Result<Map<String, Value>, Problem> {
    if body.len() > BODY_BYTES_MAX {
        return Err(Problem::TooLarge);
    }
    let mut errors = Errors::default();
    match serde_json::from_slice(body) {
        Ok(Value::Object(object)) => return Ok(object),
        Ok(_) => errors.add("body", "must be a JSON object."),
        Err(error) => errors.add("body", &format!("must be valid JSON: {error}.")),
    }
    Err(Problem::Invalid(errors))
}

/// What a body says of a field.
#[derive(Debug, Clone, Copy)]
pub(super) enum Given<'a> {
    /// Nothing.
    Absent,
    /// `null` or an empty text.
    Null,
    /// This.
    Value(&'a Value),
}

/// Reads the fields of an object one by one, and remembers what was wrong with each.
#[derive(Debug)]
pub(super) struct Fields<'a> {
    object: &'a Map<String, Value>,
    /// What stands before each field's name in the errors: empty, or `authorization_credentials.`
    prefix: String,
    pub(super) errors: Errors,
}

impl<'a> Fields<'a> {
    pub(super) fn new(object: &'a Map<String, Value>, prefix: &str) -> Self {
        Self { object, prefix: prefix.to_owned(), errors: Errors::default() }
    }

    pub(super) fn given(&self, name: &str) -> Given<'a> {
        match self.object.get(name) {
            None => Given::Absent,
            Some(Value::Null) => Given::Null,
            Some(Value::String(text)) if text.trim().is_empty() => Given::Null,
            Some(value) => Given::Value(value),
        }
    }

    /// A field that cannot be `null`, and where `has_to_be_there` not be left out either.
    pub(super) fn required(&mut self, name: &str, has_to_be_there: bool) -> Option<&'a Value> {
        match self.given(name) {
            Given::Value(value) => return Some(value),
            Given::Absent if !has_to_be_there => {}
            Given::Absent | Given::Null => self.wrong(name, "is required."),
        }
        None
    }

    /// A text of at most `chars_max` characters.
    pub(super) fn text(&mut self, name: &str, value: &'a Value, chars_max: usize) -> Option<&'a str> {
        let Value::String(text) = value else {
            self.wrong(name, "must be a string.");
            return None;
        };
        if text.chars().count() > chars_max {
            self.wrong(name, &format!("must not be greater than {chars_max} characters."));
            return None;
        }
        Some(text)
    }

    /// A whole number in `range`; `default` where it is `null`.
    pub(super) fn integer(&mut self, name: &str, range: RangeInclusive<i64>, default: i64) -> Option<i64> {
        let value = match self.given(name) {
            Given::Absent => return None,
            Given::Null => return Some(default),
            Given::Value(value) => value,
        };
        let Some(number) = integer(value) else {
            self.wrong(name, "must be an integer.");
            return None;
        };
        if range.contains(&number) {
            return Some(number);
        }
        self.wrong(name, &format!("must be between {} and {}.", range.start(), range.end()));
        None
    }

    /// `true`, `false`, or a 1 or 0; `default` where it is `null`.
    pub(super) fn boolean(&mut self, name: &str, default: bool) -> Option<bool> {
        let value = match self.given(name) {
            Given::Absent => return None,
            Given::Null => return Some(default),
            Given::Value(value) => value,
        };
        match (value.as_bool(), value.as_i64(), value.as_str()) {
            (Some(truth), _, _) => Some(truth),
            (_, Some(1), _) | (_, _, Some("1")) => Some(true),
            (_, Some(0), _) | (_, _, Some("0")) => Some(false),
            _ => {
                self.wrong(name, "must be true or false.");
                None
            }
        }
    }

    /// One of `choices` by its name; the first where it is `null`.
    pub(super) fn choice<T: Copy>(&mut self, name: &str, choices: &[(&str, T)]) -> Option<T> {
        let value = match self.given(name) {
            Given::Absent => return None,
            Given::Null => return choices.first().map(|(_, first)| *first),
            Given::Value(value) => value,
        };
        let chosen = choices.iter().find(|(name, _)| value.as_str() == Some(name));
        if chosen.is_none() {
            self.errors.not_among(&format!("{}{name}", self.prefix));
        }
        chosen.map(|(_, chosen)| *chosen)
    }

    /// Notes what is wrong with a field: `must be a string.`
    pub(super) fn wrong(&mut self, name: &str, rest: &str) {
        self.errors.add(&format!("{}{name}", self.prefix), rest);
    }

    /// Ends the reading.
    pub(super) fn finish(self) -> Result<(), Problem> {
        self.errors.problem()
    }
}

/// A whole number, as PHP's `FILTER_VALIDATE_INT` reads it.
fn integer(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64().or_else(|| {
            let whole = number.as_f64().filter(|float| float.fract() == 0.0 && float.abs() < 1e15)?;
            #[allow(clippy::cast_possible_truncation, reason = "it is whole and within range")]
            Some(whole as i64)
        }),
        Value::String(text) => text.trim().parse().ok(),
        Value::Bool(true) => Some(1),
        Value::Null | Value::Bool(false) | Value::Array(_) | Value::Object(_) => None,
    }
}
