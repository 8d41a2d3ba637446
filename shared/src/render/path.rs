//! Paths into JSON: reading one, and following it without a change to the bytes it leads to.

use std::borrow::Cow;
use std::collections::HashMap;

use serde_json::value::RawValue;

use super::TemplateError;

/// The longest path, in characters.
const PATH_CHARS_MAX: usize = 256;

/// Where a path's first name is looked up.
pub trait Names {
    /// The value called `name`, as JSON; `None` where there is none.
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
    let forbidden = |c: char| c.is_whitespace() || c.is_control() || "{}[]".contains(c);
    if steps.iter().any(|step| step.is_empty() || step.contains(forbidden)) {
        return Err(TemplateError::Path);
    }
    Ok(steps)
}

/// Where `steps` lead.
pub(super) fn look_up<'a>(names: &'a impl Names, steps: &[&str]) -> Option<Cow<'a, RawValue>> {
    let (first, rest) = steps.split_first()?;
    let mut value = names.value(first)?;
    for step in rest {
        value = match value {
            Cow::Borrowed(value) => Cow::Borrowed(member(value, step)?),
            Cow::Owned(value) => Cow::Owned(member(&value, step)?.to_owned()),
        };
    }
    Some(value)
}

/// The member of an object or a list; the last of those with the same name.
pub fn member<'a>(value: &'a RawValue, step: &str) -> Option<&'a RawValue> {
    if value.get().starts_with('[') {
        let index: usize = step.parse().ok()?;
        return serde_json::from_str::<Vec<&RawValue>>(value.get()).ok()?.get(index).copied();
    }
    serde_json::from_str::<HashMap<Cow<'a, str>, &RawValue>>(value.get()).ok()?.get(step).copied()
}
