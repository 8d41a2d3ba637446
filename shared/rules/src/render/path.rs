//! Paths into JSON: reading a path, and finding its value with the bytes unchanged.

use std::borrow::Cow;
use std::collections::HashMap;

use serde_json::value::RawValue;

use super::TemplateError;

/// The longest path, in characters.
pub const PATH_CHARS_MAX: usize = 256;

/// The values that a path's first name can refer to.
pub trait Names {
    /// The value called `name`, as JSON. `None` if there is no such value.
    fn value(&self, name: &str) -> Option<Cow<'_, RawValue>>;
}

/// The names and indices of a path.
pub(super) fn steps(path: &str) -> Result<Vec<&str>, TemplateError> {
    if path.chars().count() > PATH_CHARS_MAX {
        return Err(TemplateError::Path);
    }
    let mut steps = Vec::new();
    for part in path.split('.') {
        let (name, indices) = part.find('[').map_or((part, ""), |start| part.split_at(start));
        steps.push(name);
        let mut rest = indices;
        while let Some(opened) = rest.strip_prefix('[') {
            let (index, after) = opened.split_once(']').ok_or(TemplateError::Path)?;
            if !index.bytes().all(|byte| byte.is_ascii_digit()) {
                return Err(TemplateError::Path);
            }
            steps.push(index);
            rest = after;
        }
        if !rest.is_empty() {
            return Err(TemplateError::Path);
        }
    }
    let forbidden = |c: char| c.is_whitespace() || c.is_control() || "{}[]()|\"'#&^!=>".contains(c);
    if steps.iter().any(|step| step.is_empty() || step.contains(forbidden)) {
        return Err(TemplateError::Path);
    }
    Ok(steps)
}

/// The value at the path `steps`. Each object or list is parsed once in a rendering, however many placeholders use it.
pub(super) fn look_up<'a>(names: &'a impl Names, parsed: &mut Parsed<'a>, steps: &[&str]) -> Option<Cow<'a, RawValue>> {
    let (first, rest) = steps.split_first()?;
    match names.value(first)? {
        Cow::Borrowed(mut value) => {
            for step in rest {
                value = parsed.members(value).get(step)?;
            }
            Some(Cow::Borrowed(value))
        }
        Cow::Owned(mut value) => {
            for step in rest {
                value = member(&value, step)?.to_owned();
            }
            Some(Cow::Owned(value))
        }
    }
}

/// Parsed objects and lists, by the address of their JSON text.
#[derive(Default)]
pub(super) struct Parsed<'a>(HashMap<*const u8, Members<'a>>);

impl<'a> Parsed<'a> {
    fn members(&mut self, value: &'a RawValue) -> &Members<'a> {
        self.0.entry(value.get().as_ptr()).or_insert_with(|| Members::of(value))
    }
}

/// The members of a JSON value.
enum Members<'a> {
    Object(HashMap<Cow<'a, str>, &'a RawValue>),
    List(Vec<&'a RawValue>),
    Nothing,
}

impl<'a> Members<'a> {
    fn of(value: &'a RawValue) -> Self {
        let json = value.get();
        if json.starts_with('[') {
            return serde_json::from_str(json).map_or(Self::Nothing, Self::List);
        }
        serde_json::from_str(json).map_or(Self::Nothing, Self::Object)
    }

    /// The member called `step`. If several have the same name, the last.
    fn get(&self, step: &str) -> Option<&'a RawValue> {
        match self {
            Self::Object(members) => members.get(step).copied(),
            Self::List(members) => members.get(step.parse::<usize>().ok()?).copied(),
            Self::Nothing => None,
        }
    }
}

/// The member of an object or a list that `step` names.
pub(super) fn member<'a>(value: &'a RawValue, step: &str) -> Option<&'a RawValue> {
    Members::of(value).get(step)
}
