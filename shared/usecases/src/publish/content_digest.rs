//! Digests the content of an event, so that a repeat of a client id can be compared with the first event.
//!
//! Two events have the same content if their JSON says the same. Blanks, the order of members and the spelling of
//! strings do not matter. Numbers are compared as they are written.

use std::collections::BTreeMap;

use domain::hex;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

/// The depth down to which objects and lists are compared member by member. Below, their text is compared.
const DEPTH_MAX: u8 = 32;

/// The digest of an event's JSON, in hex.
pub(super) fn content_digest(event: &RawValue) -> String {
    let mut hash = Sha256::new();
    add(&mut hash, event, 0);
    hex(&hash.finalize())
}

/// Adds a value to the hash. A letter for its kind comes first, and each part ends in a zero byte, which JSON does not
/// contain.
fn add(hash: &mut Sha256, value: &RawValue, depth: u8) {
    let text = value.get();
    let mut part = |kind: &str, text: &str| {
        hash.update(kind);
        hash.update(text);
        hash.update([0]);
    };
    match text.bytes().next() {
        Some(b'{') if depth < DEPTH_MAX => {
            if let Ok(members) = serde_json::from_str::<BTreeMap<String, Box<RawValue>>>(text) {
                part("o", &members.len().to_string());
                for (name, value) in members {
                    hash.update(name);
                    hash.update([0]);
                    add(hash, &value, depth + 1);
                }
                return;
            }
        }
        Some(b'[') if depth < DEPTH_MAX => {
            if let Ok(items) = serde_json::from_str::<Vec<Box<RawValue>>>(text) {
                part("l", &items.len().to_string());
                items.iter().for_each(|item| add(hash, item, depth + 1));
                return;
            }
        }
        Some(b'"') => {
            if let Ok(string) = serde_json::from_str::<String>(text) {
                return part("s", &string);
            }
        }
        _ => {}
    }
    part("t", text);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(json: &str) -> String {
        content_digest(&RawValue::from_string(json.to_owned()).unwrap())
    }

    #[test]
    fn the_same_content_in_another_spelling_has_the_same_digest() {
        let one = digest(r#"{"type":"a","data":{"n":1,"list":["é",null,{}]}}"#);
        assert_eq!(one, digest("{ \"data\" : {\"list\":[\"\\u00e9\", null , {}],\n\"n\":1}, \"type\":\"a\" }"));
    }

    #[test]
    fn other_content_has_another_digest() {
        let all = [
            r#"{"a":1}"#,
            r#"{"a":1.0}"#,
            r#"{"a":"1"}"#,
            r#"{"a":[1]}"#,
            r#"{"a":[[1]]}"#,
            r#"{"a":{"b":1}}"#,
            r#"{"a":null}"#,
            r#"{}"#,
            r#"{"a":[1,2]}"#,
            r#"{"a":[2,1]}"#,
            r#"{"a":[[1],2]}"#,
            r#"{"a":[[1,2]]}"#,
            r#"{"b":1}"#,
            r#"{"a":"\ud83d"}"#,
            r#"{"a":1e400}"#,
        ];
        let digests: std::collections::BTreeSet<_> = all.into_iter().map(digest).collect();
        assert_eq!(digests.len(), all.len());
    }

    #[test]
    fn deep_json_has_a_digest() {
        let deep = |inner: &str| "[".repeat(100_000) + inner + &"]".repeat(100_000);
        assert_ne!(digest(&deep("1")), digest(&deep("2")));
    }
}
