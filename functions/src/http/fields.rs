//! Reads the fields of a request. All APIs share this reader. Each API has its framework's [`Conversions`], and its own
//! sentences for errors.

use std::ops::RangeInclusive;

use rules::header::{HeaderError, check_name, check_value};
use rules::url::check_url;
use serde_json::{Map, Value, json};

use super::api_error::{ApiError, BodyError, BodyErrorKind, FieldError, IntegerError, Rule};
use super::read_request::{BODY_BYTES_MAX, query_parameter};

/// How a framework converts values before it checks them.
#[derive(Debug, Clone, Copy)]
pub struct Conversions {
    /// Whether a blank string counts as `null`.
    pub blank_is_null: bool,
    /// Reads a whole number.
    pub integer: fn(&Value) -> Result<i64, IntegerError>,
}

/// Reads a body that has to be a JSON object.
///
/// # Errors
/// Where the body is too large, missing, not JSON, or not an object.
pub fn read_object(body: &[u8]) -> Result<Map<String, Value>, ApiError> {
    if body.len() > BODY_BYTES_MAX {
        return Err(ApiError::BodyTooLarge);
    }
    let (kind, reason, offset) = match serde_json::from_slice(body) {
        Ok(Value::Object(object)) => return Ok(object),
        Ok(other) => (BodyErrorKind::NotObject(other), String::new(), 0),
        Err(error) if body.is_empty() => (BodyErrorKind::Missing, error.to_string(), 0),
        Err(error) => (BodyErrorKind::NotJson, error.to_string(), find_error_offset(body, &error)),
    };
    Err(ApiError::InvalidBody(BodyError { kind, reason, offset }))
}

/// The byte of `body` at which the parser stopped.
fn find_error_offset(body: &[u8], error: &serde_json::Error) -> usize {
    if error.is_eof() {
        return body.len();
    }
    let lines = body.split_inclusive(|&byte| byte == b'\n').take(error.line().saturating_sub(1));
    lines.map(<[u8]>::len).sum::<usize>() + error.column().saturating_sub(1)
}

/// The query parameters `names`, as an object of strings.
#[must_use]
pub fn read_query(request: &lambda_http::Request, names: &[&str]) -> Map<String, Value> {
    let given = names.iter().filter_map(|&name| Some((name.to_owned(), query_parameter(request, name)?.into())));
    given.collect()
}

/// The value of a field.
#[derive(Debug, Clone, Copy)]
pub enum Given<'a> {
    /// The field is absent.
    Absent,
    /// The field is `null`, or a blank string that the conversions read as `null`.
    Null,
    /// The field has this value.
    Value(&'a Value),
}

/// Whether a field may be absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// An absent field is an error.
    Required,
    /// The field may be absent.
    Optional,
}

/// The limits of a URL.
#[derive(Debug, Clone, Copy)]
pub struct UrlLimits {
    /// The longest URL, in characters.
    pub chars_max: usize,
    /// Whether `http` is refused.
    pub require_https: bool,
}

/// Reads the fields of an object one by one, and collects the errors of all fields.
#[derive(Debug)]
pub struct Fields<'a> {
    conversions: Conversions,
    part: &'static str,
    object: &'a Map<String, Value>,
    /// The prefix of each field's name in the errors: empty, or `authorization_credentials.`
    prefix: String,
    /// The errors so far.
    pub errors: Vec<FieldError>,
}

impl<'a> Fields<'a> {
    /// The fields of `object`, which is the request's `part`: `body` or `query`.
    #[must_use]
    pub const fn new(conversions: Conversions, part: &'static str, object: &'a Map<String, Value>) -> Self {
        Self { conversions, part, object, prefix: String::new(), errors: Vec::new() }
    }

    /// The fields of an object within this object. Their names stand behind `prefix` in the errors.
    #[must_use]
    pub fn nested(&self, object: &'a Map<String, Value>, prefix: &str) -> Self {
        Self { prefix: prefix.to_owned(), ..Self::new(self.conversions, self.part, object) }
    }

    /// The value of a field.
    #[must_use]
    pub fn given(&self, name: &str) -> Given<'a> {
        match self.object.get(name) {
            None => Given::Absent,
            Some(Value::Null) => Given::Null,
            Some(Value::String(text)) if self.conversions.blank_is_null && text.trim().is_empty() => Given::Null,
            Some(value) => Given::Value(value),
        }
    }

    /// Adds an error for every field that is not in `known`.
    pub fn refuse_unknown(&mut self, known: &[&str]) {
        for name in self.object.keys().filter(|name| !known.contains(&name.as_str())) {
            self.add_error(name, Rule::Unknown, Value::Null);
        }
    }

    /// A field that cannot be `null`. An absent field gives `None`, and is an error where it is
    /// [`Presence::Required`].
    pub fn non_null(&mut self, name: &str, presence: Presence) -> Option<&'a Value> {
        match self.given(name) {
            Given::Value(value) => return Some(value),
            Given::Absent if presence == Presence::Optional => {}
            Given::Absent | Given::Null => self.add_error(name, Rule::Required, Value::Object(self.object.clone())),
        }
        None
    }

    /// A string that is required. `null` is a value of the wrong type.
    pub fn required_string(&mut self, name: &str) -> Option<&'a str> {
        match self.object.get(name) {
            Some(value) => self.text(name, value),
            None => {
                self.add_error(name, Rule::Required, Value::Object(self.object.clone()));
                None
            }
        }
    }

    /// A string; `None` if the field is absent or `null`.
    pub fn string(&mut self, name: &str) -> Option<&'a str> {
        let Given::Value(value) = self.given(name) else { return None };
        self.text(name, value)
    }

    /// A string whose length in characters is in `chars`; `None` if the field is absent or `null`.
    pub fn string_of(&mut self, name: &str, chars: RangeInclusive<usize>) -> Option<&'a str> {
        let text = self.string(name)?;
        self.check_chars(name, text, chars)
    }

    /// `value` as a string.
    pub fn text(&mut self, name: &str, value: &'a Value) -> Option<&'a str> {
        if let Value::String(text) = value {
            return Some(text);
        }
        self.add_error(name, Rule::String, value.clone());
        None
    }

    /// `text`, if its length in characters is in `chars`.
    pub fn check_chars(&mut self, name: &str, text: &'a str, chars: RangeInclusive<usize>) -> Option<&'a str> {
        let count = text.chars().count();
        let rule = if count < *chars.start() {
            Rule::CharsMin(*chars.start())
        } else if count > *chars.end() {
            Rule::CharsMax(*chars.end())
        } else {
            return Some(text);
        };
        self.add_error(name, rule, json!(text));
        None
    }

    /// `text`, if it is a URL within `limits`.
    pub fn check_url(&mut self, name: &str, text: &'a str, limits: UrlLimits) -> Option<&'a str> {
        let UrlLimits { chars_max, require_https } = limits;
        match check_url(text, chars_max, require_https) {
            Ok(()) => Some(text),
            Err(error) => {
                self.add_error(name, Rule::Url { error, chars_max, require_https }, json!(text));
                None
            }
        }
    }

    /// `text`, if it is the name of a header that a customer may set, and is not `reserved`.
    pub fn check_header_name(&mut self, name: &str, text: &'a str, reserved: bool) -> Option<&'a str> {
        let checked = if reserved { Err(HeaderError::Reserved) } else { check_name(text) };
        match checked {
            Ok(()) => Some(text),
            Err(error) => {
                self.add_error(name, Rule::HeaderName(error), json!(text));
                None
            }
        }
    }

    /// `text`, if it can be the value of a header.
    pub fn check_header_value(&mut self, name: &str, text: &'a str) -> Option<&'a str> {
        if check_value(text).is_ok() {
            return Some(text);
        }
        self.add_error(name, Rule::HeaderValue, Value::Null);
        None
    }

    /// A whole number in `range`. An absent field gives `None`, and `null` gives the argument `null`.
    pub fn integer(&mut self, name: &str, range: RangeInclusive<i64>, null: Option<i64>) -> Option<i64> {
        let value = match self.given(name) {
            Given::Absent => return None,
            Given::Null => return null,
            Given::Value(value) => value,
        };
        let (min, max) = (*range.start(), *range.end());
        let rule = match (self.conversions.integer)(value) {
            Err(error) => Rule::Integer(error, min, max),
            Ok(number) if number < min => Rule::Min(min, max),
            Ok(number) if number > max => Rule::Max(min, max),
            Ok(number) => return Some(number),
        };
        self.add_error(name, rule, value.clone());
        None
    }

    /// `true` or `false`, also written as 1 or 0. An absent field gives `None`, and `null` gives the argument `null`.
    pub fn boolean(&mut self, name: &str, null: bool) -> Option<bool> {
        let value = match self.given(name) {
            Given::Absent => return None,
            Given::Null => return Some(null),
            Given::Value(value) => value,
        };
        match (value.as_bool(), value.as_i64(), value.as_str()) {
            (Some(truth), _, _) => Some(truth),
            (_, Some(1), _) | (_, _, Some("1")) => Some(true),
            (_, Some(0), _) | (_, _, Some("0")) => Some(false),
            _ => {
                self.add_error(name, Rule::Boolean, value.clone());
                None
            }
        }
    }

    /// One of `choices` by its name. An absent field gives `None`, and `null` gives the first choice.
    pub fn choice<T: Copy>(&mut self, name: &str, choices: &[(&str, T)]) -> Option<T> {
        let value = match self.given(name) {
            Given::Absent => return None,
            Given::Null => return choices.first().map(|(_, first)| *first),
            Given::Value(value) => value,
        };
        let chosen = choices.iter().find(|(name, _)| value.as_str() == Some(name));
        if chosen.is_none() {
            self.add_error(name, Rule::Choice, value.clone());
        }
        chosen.map(|(_, chosen)| *chosen)
    }

    /// `value`, if it is a list.
    pub fn list(&mut self, name: &str, value: &'a Value) -> Option<&'a [Value]> {
        if let Value::Array(list) = value {
            return Some(list);
        }
        self.add_error(name, Rule::List, value.clone());
        None
    }

    /// Adds the error of a field that breaks a rule.
    pub fn add_error(&mut self, name: &str, rule: Rule, input: Value) {
        self.errors.push(FieldError { part: self.part, field: format!("{}{name}", self.prefix), rule, input });
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// All errors that were collected.
    pub fn finish(self) -> Result<(), ApiError> {
        if self.errors.is_empty() { Ok(()) } else { Err(ApiError::InvalidFields(self.errors)) }
    }
}
