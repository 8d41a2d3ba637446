//! Reading fields as Pydantic does in its lax mode: unknown ones are passed over, numbers may be written as strings,
//! and everything that is wrong is told at once. The kinds and sentences are those of
//! <https://docs.pydantic.dev/latest/errors/validation_errors/>.

use std::ops::RangeInclusive;

use serde_json::{Map, Value, json};
use shared::header::{HeaderError, check_name};
use shared::http::request::{BODY_BYTES_MAX, query_parameter};
use shared::url::{UrlError, check_url};

use super::{FieldError, Problem};

/// The longest URL that Pydantic's `HttpUrl` takes, in characters.
const URL_CHARS_MAX: usize = 2083;

/// Reads a body that has to be a JSON object.
///
/// # Errors
/// 422 where it is absent, no JSON, or something else.
pub fn object(body: &[u8]) -> Result<Map<String, Value>, Problem> {
    let error = |kind, loc, msg: &str, input, ctx| {
        Problem::Invalid(vec![FieldError { kind, loc, msg: msg.to_owned(), input, ctx }])
    };
    if body.len() > BODY_BYTES_MAX {
        return Err(Problem::TooLarge);
    }
    if body.is_empty() {
        return Err(error("missing", vec![json!("body")], "Field required", Value::Null, None));
    }
    match serde_json::from_slice(body) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(other) => Err(error(
            "model_attributes_type",
            vec![json!("body")],
            "Input should be a valid dictionary or object to extract fields from",
            other,
            None,
        )),
        Err(cause) => Err(error(
            "json_invalid",
            vec![json!("body"), json!(offset(body, &cause))],
            "JSON decode error",
            json!({}),
            Some(json!({ "error": reason(&cause) })),
        )),
    }
}

/// Where in `body` the parser stopped, in bytes.
fn offset(body: &[u8], error: &serde_json::Error) -> usize {
    if error.is_eof() {
        return body.len();
    }
    let lines = body.split_inclusive(|&byte| byte == b'\n').take(error.line().saturating_sub(1));
    lines.map(<[u8]>::len).sum::<usize>() + error.column().saturating_sub(1)
}

/// The parser's reason in the words of Python's `json`, where it has words for it.
fn reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let text = text.split(" at line ").next().unwrap_or_default();
    let words = match text {
        "EOF while parsing a value" | "expected value" | "expected ident" => "Expecting value",
        "EOF while parsing an object" | "EOF while parsing a list" | "expected `,` or `}`" | "expected `,` or `]`" => {
            "Expecting ',' delimiter"
        }
        "EOF while parsing a string" => "Unterminated string",
        "key must be a string" | "trailing comma" => "Expecting property name enclosed in double quotes",
        "expected `:`" => "Expecting ':' delimiter",
        "trailing characters" => "Extra data",
        "invalid escape" => "Invalid \\escape",
        other => other,
    };
    words.to_owned()
}

/// What the query gives for `names`, as an object of texts.
#[must_use]
pub fn query(request: &lambda_http::Request, names: &[&str]) -> Map<String, Value> {
    let given = names.iter().filter_map(|&name| Some((name.to_owned(), query_parameter(request, name)?.into())));
    given.collect()
}

/// Reads the fields of an object one by one and remembers what was wrong with each.
#[derive(Debug)]
pub struct Fields<'a> {
    part: &'static str,
    object: &'a Map<String, Value>,
    errors: Vec<FieldError>,
}

impl<'a> Fields<'a> {
    /// The fields of `object`, which is the request's `part`: `body` or `query`.
    #[must_use]
    pub const fn new(part: &'static str, object: &'a Map<String, Value>) -> Self {
        Self { part, object, errors: Vec::new() }
    }

    /// An HTTP URL that has to be there; `https` alone where `require_https`.
    pub fn required_url(&mut self, name: &'static str, require_https: bool) -> Option<String> {
        let text = self.required_string(name)?;
        match check_url(&text, URL_CHARS_MAX, require_https) {
            Ok(()) => Some(text),
            Err(problem) => {
                let (kind, msg, ctx) = url_error(problem, require_https);
                self.wrong(name, kind, &msg, json!(text), Some(ctx));
                None
            }
        }
    }

    /// A text that has to be there.
    pub fn required_string(&mut self, name: &'static str) -> Option<String> {
        match self.object.get(name) {
            Some(Value::String(text)) => Some(text.clone()),
            None => {
                // FastAPI repeats a body, and of a query nothing.
                let input = if self.part == "body" { Value::Object(self.object.clone()) } else { Value::Null };
                self.wrong(name, "missing", "Field required", input, None);
                None
            }
            Some(other) => {
                self.wrong(name, "string_type", "Input should be a valid string", other.clone(), None);
                None
            }
        }
    }

    /// A text of so many characters; absent and `null` are none.
    pub fn string_of(&mut self, name: &'static str, chars: RangeInclusive<usize>) -> Option<String> {
        let text = self.string(name)?;
        let (count, min, max) = (text.chars().count(), *chars.start(), *chars.end());
        let plural = |number| if number == 1 { "" } else { "s" };
        if count < min {
            let msg = format!("String should have at least {min} character{}", plural(min));
            self.wrong(name, "string_too_short", &msg, json!(text), Some(json!({ "min_length": min })));
            return None;
        }
        if count > max {
            let msg = format!("String should have at most {max} character{}", plural(max));
            self.wrong(name, "string_too_long", &msg, json!(text), Some(json!({ "max_length": max })));
            return None;
        }
        Some(text)
    }

    /// The name of a header that the customer may choose, unless it `is_taken`; absent and `null` are none.
    pub fn header_name(&mut self, name: &'static str, is_taken: fn(&str) -> bool) -> Option<String> {
        let text = self.string(name)?;
        let checked = if is_taken(&text) { Err(HeaderError::Taken) } else { check_name(&text) };
        match checked {
            Ok(()) => Some(text),
            Err(problem) => {
                let msg = format!("Value error, {problem}");
                self.wrong(name, "value_error", &msg, json!(text), Some(json!({ "error": problem.to_string() })));
                None
            }
        }
    }

    /// A text; absent and `null` are none.
    pub fn string(&mut self, name: &'static str) -> Option<String> {
        let value = self.object.get(name).filter(|value| !value.is_null())?;
        if let Value::String(text) = value {
            return Some(text.clone());
        }
        self.wrong(name, "string_type", "Input should be a valid string", value.clone(), None);
        None
    }

    /// A whole number in `range`; absent and `null` are none.
    pub fn integer(&mut self, name: &'static str, range: RangeInclusive<i64>) -> Option<i64> {
        let input = self.object.get(name).filter(|value| !value.is_null())?;
        match check_integer(input, &range) {
            Ok(number) => Some(number),
            Err((kind, msg, ctx)) => {
                self.wrong(name, kind, &msg, input.clone(), ctx);
                None
            }
        }
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// 422 with everything that was wrong.
    pub fn finish(self) -> Result<(), Problem> {
        if self.errors.is_empty() { Ok(()) } else { Err(Problem::Invalid(self.errors)) }
    }

    fn wrong(&mut self, name: &str, kind: &'static str, msg: &str, input: Value, ctx: Option<Value>) {
        self.errors.push(FieldError {
            kind,
            loc: vec![json!(self.part), json!(name)],
            msg: msg.to_owned(),
            input,
            ctx,
        });
    }
}

/// What Pydantic says of a URL.
fn url_error(problem: UrlError, require_https: bool) -> (&'static str, String, Value) {
    let unparsable =
        |error: &str| ("url_parsing", format!("Input should be a valid URL, {error}"), json!({ "error": error }));
    match problem {
        UrlError::TooLong => {
            let msg = format!("URL should have at most {URL_CHARS_MAX} characters");
            ("url_too_long", msg, json!({ "max_length": URL_CHARS_MAX }))
        }
        UrlError::Empty => unparsable("input is empty"),
        UrlError::Unparsable(error) => unparsable(&error.to_string()),
        UrlError::Scheme => {
            let expected = if require_https { "'https'" } else { "'http' or 'https'" };
            let msg = format!("URL scheme should be {expected}");
            ("url_scheme", msg, json!({ "expected_schemes": expected }))
        }
    }
}

type IntegerError = (&'static str, String, Option<Value>);

fn check_integer(input: &Value, range: &RangeInclusive<i64>) -> Result<i64, IntegerError> {
    let number = match input {
        Value::Number(number) => number.as_i64().map_or_else(|| whole(number.as_f64().unwrap_or(f64::NAN)), Ok),
        Value::String(text) => parse_integer(text).ok_or((
            "int_parsing",
            "Input should be a valid integer, unable to parse string as an integer".to_owned(),
            None,
        )),
        Value::Bool(truth) => Ok(i64::from(*truth)),
        Value::Null | Value::Array(_) | Value::Object(_) => {
            Err(("int_type", "Input should be a valid integer".to_owned(), None))
        }
    }?;
    if number < *range.start() {
        let ge = range.start();
        return Err((
            "greater_than_equal",
            format!("Input should be greater than or equal to {ge}"),
            Some(json!({ "ge": ge })),
        ));
    }
    if number > *range.end() {
        let le = range.end();
        return Err((
            "less_than_equal",
            format!("Input should be less than or equal to {le}"),
            Some(json!({ "le": le })),
        ));
    }
    Ok(number)
}

/// A whole number as Pydantic reads it from text: a sign, digits with single underscores between them, zeros behind a
/// point. One beyond the range of `i64` becomes its end.
fn parse_integer(text: &str) -> Option<i64> {
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

/// A float that is a whole number; one beyond the range of `i64` becomes its end, which no field's range holds.
fn whole(number: f64) -> Result<i64, IntegerError> {
    if number.fract() == 0.0 {
        #[allow(clippy::cast_possible_truncation, reason = "`as` saturates, which is what is wanted")]
        Ok(number as i64)
    } else {
        Err(("int_from_float", "Input should be a valid integer, got a number with a fractional part".to_owned(), None))
    }
}
