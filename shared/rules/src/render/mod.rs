//! Payload templates: JSON in which every string may contain placeholders, such as `{{path.to.value}}`. Pure.
//! [`Template::parse`] checks a template when it is set. [`Template::render`] fills it in when an event is dispatched.
//!
//! A path is names and list indices, separated by dots. `items[0].id` is the same as `items.0.id`.
//!
//! - A string that is a single placeholder becomes the value itself, with its type and its bytes. A missing value is
//!   `null`.
//! - In a longer string, a placeholder for a string becomes its text. `null` and missing values become nothing. Any
//!   other value becomes its JSON.
//! - There is no escape for `{{`. Placeholders in the names of a template's objects are not filled in.

mod path;

pub use self::path::PATH_CHARS_MAX;

use serde_json::Value;
use serde_json::value::RawValue;

pub use self::path::Names;
use self::path::{Parsed, look_up, steps};

/// The most placeholders in one template. The number is limited because each placeholder searches the event's data.
pub const PLACEHOLDERS_MAX: usize = 100;

/// The largest filled-in template, in bytes of JSON: the size of the largest event.
pub const RENDERED_BYTES_MAX: usize = 256 * 1024;

/// Why a template is refused. The error message is for the customer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// The template is a list or a plain value.
    #[error("has to be a JSON object")]
    NotAnObject,
    /// A string opens a placeholder and does not close it.
    #[error("has a {{{{ that is not closed")]
    Unclosed,
    /// A placeholder's path is too long, lacks a name, or has a name with a forbidden character, such as a brace or a
    /// space.
    #[error("has a placeholder whose path is not names and indices separated by dots, of at most 256 characters")]
    Path,
    /// The template has too many placeholders.
    #[error("has more than {PLACEHOLDERS_MAX} placeholders")]
    TooMany,
}

/// The filled-in template would be larger than [`RENDERED_BYTES_MAX`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the template grows beyond {RENDERED_BYTES_MAX} bytes")]
pub struct TooLarge;

/// A valid template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template(Value);

/// A part of a string.
#[derive(Debug, PartialEq, Eq)]
enum Part<'a> {
    Text(&'a str),
    Placeholder(Vec<&'a str>),
}

impl Template {
    /// Checks a template.
    ///
    /// # Errors
    /// The first error in the template.
    pub fn parse(template: Value) -> Result<Self, TemplateError> {
        if !template.is_object() {
            return Err(TemplateError::NotAnObject);
        }
        let mut placeholders = 0;
        check(&template, &mut placeholders)?;
        Ok(Self(template))
    }

    /// Fills in the template.
    ///
    /// # Errors
    /// Where the result would be larger than [`RENDERED_BYTES_MAX`].
    pub fn render(&self, names: &impl Names) -> Result<Box<RawValue>, TooLarge> {
        let mut output = Output { json: String::new(), names, parsed: Parsed::default() };
        output.value(&self.0)?;
        // The output is always JSON, so this error cannot happen.
        RawValue::from_string(output.json).map_err(|_not_json| TooLarge)
    }
}

fn check(value: &Value, placeholders: &mut usize) -> Result<(), TemplateError> {
    match value {
        Value::String(text) => {
            *placeholders += parts(text)?.iter().filter(|part| matches!(part, Part::Placeholder(_))).count();
            if *placeholders > PLACEHOLDERS_MAX { Err(TemplateError::TooMany) } else { Ok(()) }
        }
        Value::Array(values) => values.iter().try_for_each(|value| check(value, placeholders)),
        Value::Object(values) => values.values().try_for_each(|value| check(value, placeholders)),
        Value::Null | Value::Bool(_) | Value::Number(_) => Ok(()),
    }
}

fn parts(text: &str) -> Result<Vec<Part<'_>>, TemplateError> {
    let (mut parts, mut rest) = (Vec::new(), text);
    while let Some((before, opened)) = rest.split_once("{{") {
        let (path, after) = opened.split_once("}}").ok_or(TemplateError::Unclosed)?;
        if !before.is_empty() {
            parts.push(Part::Text(before));
        }
        parts.push(Part::Placeholder(steps(path.trim())?));
        rest = after;
    }
    if !rest.is_empty() {
        parts.push(Part::Text(rest));
    }
    Ok(parts)
}

/// The JSON written so far, never larger than [`RENDERED_BYTES_MAX`].
struct Output<'a, N> {
    json: String,
    names: &'a N,
    parsed: Parsed<'a>,
}

impl<N: Names> Output<'_, N> {
    fn push(&mut self, json: &str) -> Result<(), TooLarge> {
        if self.json.len() + json.len() > RENDERED_BYTES_MAX {
            return Err(TooLarge);
        }
        self.json.push_str(json);
        Ok(())
    }

    fn value(&mut self, template: &Value) -> Result<(), TooLarge> {
        match template {
            Value::Null | Value::Bool(_) | Value::Number(_) => self.push(&template.to_string()),
            Value::String(text) => self.string(text),
            Value::Array(values) => {
                self.push("[")?;
                for (index, value) in values.iter().enumerate() {
                    self.push(if index == 0 { "" } else { "," })?;
                    self.value(value)?;
                }
                self.push("]")
            }
            Value::Object(values) => {
                self.push("{")?;
                for (index, (name, value)) in values.iter().enumerate() {
                    self.push(if index == 0 { "" } else { "," })?;
                    self.push(&json_text(name))?;
                    self.push(":")?;
                    self.value(value)?;
                }
                self.push("}")
            }
        }
    }

    fn string(&mut self, text: &str) -> Result<(), TooLarge> {
        // The template was checked when it was set.
        let parts = parts(text).unwrap_or_default();
        if let [Part::Placeholder(steps)] = parts.as_slice() {
            return match look_up(self.names, &mut self.parsed, steps) {
                Some(value) => self.push(value.get()),
                None => self.push("null"),
            };
        }
        self.push("\"")?;
        for part in &parts {
            match part {
                Part::Text(text) => self.push(unquoted(&json_text(text)))?,
                Part::Placeholder(steps) => {
                    if let Some(value) = look_up(self.names, &mut self.parsed, steps) {
                        self.within_text(value.get())?;
                    }
                }
            }
        }
        self.push("\"")
    }

    /// Within a string, a string value is inserted without its quotes, because it is escaped already. Any other value
    /// is escaped.
    fn within_text(&mut self, json: &str) -> Result<(), TooLarge> {
        match json {
            "null" => Ok(()),
            json if json.starts_with('"') => self.push(unquoted(json)),
            json => self.push(unquoted(&json_text(json))),
        }
    }
}

fn json_text(text: &str) -> String {
    Value::from(text).to_string()
}

fn unquoted(json: &str) -> &str {
    json.strip_prefix('"').and_then(|json| json.strip_suffix('"')).unwrap_or(json)
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    impl Names for Box<RawValue> {
        fn value(&self, name: &str) -> Option<Cow<'_, RawValue>> {
            path::member(self, name).map(Cow::Borrowed)
        }
    }

    fn data(json: &str) -> Box<RawValue> {
        RawValue::from_string(json.to_owned()).unwrap()
    }

    fn rendered(template: Value, json: &str) -> String {
        Template::parse(template).unwrap().render(&data(json)).unwrap().get().to_owned()
    }

    const CALL: &str = r#"{"call":{"id":"c_1","duration":1.50,"big":12345678901234567890123,"tags":["a",{"b":[true]}],"none":null},
        "grüße":{"日本":"🦀 \"q\" \u00e4"},"text":"line\nbreak"}"#;

    #[test]
    fn a_lone_placeholder_takes_the_value_with_its_type_and_bytes() {
        let template = json!({
            "id": "{{call.id}}", "n": "{{ call.duration }}", "big": "{{call.big}}", "all": "{{call.tags}}", "none": "{{call.none}}",
            "kept": [1, true, null, "plain }}"],
        });
        let expected = r#"{"id":"c_1","n":1.50,"big":12345678901234567890123,"all":["a",{"b":[true]}],"none":null,"kept":[1,true,null,"plain }}"]}"#;
        assert_eq!(rendered(template, CALL), expected);
    }

    #[test]
    fn a_value_within_text_is_written_out() {
        let body = rendered(
            json!({ "t": "{{call.id}}/{{call.duration}}/{{call.none}}/{{nowhere}}/{{call.tags}}/{{text}}" }),
            CALL,
        );
        let expected = json!({ "t": "c_1/1.50///[\"a\",{\"b\":[true]}]/line\nbreak" });
        assert_eq!(serde_json::from_str::<Value>(&body).unwrap(), expected);
    }

    #[test]
    fn lists_are_read_by_index_in_either_notation() {
        let template = json!({ "a": "{{call.tags.0}}", "b": "{{call.tags[1].b[0]}}", "c": "{{call.tags.2}}", "d": "{{call.tags.x}}" });
        assert_eq!(rendered(template, CALL), r#"{"a":"a","b":true,"c":null,"d":null}"#);
    }

    #[test]
    fn a_missing_value_is_null_alone_and_nothing_within_text() {
        let template = json!({ "a": "{{call.nope.deeper}}", "b": "[{{call.id.deeper}}]", "c": "{{nope[3]}}" });
        assert_eq!(rendered(template, CALL), r#"{"a":null,"b":"[]","c":null}"#);
    }

    #[test]
    fn unicode_passes_in_names_paths_and_texts() {
        let body = rendered(json!({ "ключ": "→ {{grüße.日本}} ←" }), CALL);
        assert_eq!(serde_json::from_str::<Value>(&body).unwrap(), json!({ "ключ": "→ 🦀 \"q\" ä ←" }));
    }

    #[test]
    fn a_bad_template_is_named() {
        for (template, error) in [
            (json!([]), TemplateError::NotAnObject),
            (json!("{{a}}"), TemplateError::NotAnObject),
            (json!({ "a": "x {{call.id" }), TemplateError::Unclosed),
            (json!({ "a": ["{{ok}}", { "b": "{{" }] }), TemplateError::Unclosed),
            (json!({ "a": "{{}}" }), TemplateError::Path),
            (json!({ "a": "{{ . }}" }), TemplateError::Path),
            (json!({ "a": "{{a..b}}" }), TemplateError::Path),
            (json!({ "a": "{{a b}}" }), TemplateError::Path),
            (json!({ "a": "{{{a}}}" }), TemplateError::Path),
            (json!({ "a": "{{a[b]}}" }), TemplateError::Path),
            (json!({ "a": "{{a[0}}" }), TemplateError::Path),
            (json!({ "a": "{{a[0]b}}" }), TemplateError::Path),
            (json!({ "a": "{{a[]}}" }), TemplateError::Path),
            (json!({ "a": format!("{{{{{}}}}}", "x".repeat(257)) }), TemplateError::Path),
            (json!({ "a": "{{a}}".repeat(101) }), TemplateError::TooMany),
        ] {
            assert_eq!(Template::parse(template.clone()), Err(error), "{template}");
        }
        assert_eq!(TemplateError::Unclosed.to_string(), "has a {{ that is not closed");
    }

    #[test]
    fn a_template_grows_to_its_limit_and_not_beyond() {
        let json = json!({ "a": "x".repeat(64 * 1024) }).to_string();
        let template = |times: usize| Template::parse(json!({ "t": "{{a}}!".repeat(times) })).unwrap();
        assert_eq!(template(3).render(&data(&json)).unwrap().get().len(), 3 * (64 * 1024 + 1) + 8);
        assert_eq!(template(4).render(&data(&json)).unwrap_err(), TooLarge);
    }

    proptest! {
        #[test]
        fn what_is_rendered_is_json(text in "[{}\\[\\].a0 \"\\\\\u{1}é]{0,40}", value in "\\PC{0,20}") {
            let json = json!({ "a": { "a": [value, 1] }, "0": null }).to_string();
            if let Ok(template) = Template::parse(json!({ "t": text })) {
                let body = template.render(&data(&json)).unwrap();
                prop_assert!(serde_json::from_str::<Value>(body.get()).is_ok(), "{}", body.get());
            }
        }
    }
}
