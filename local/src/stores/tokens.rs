//! The tokens with which clients repeat a DynamoDB transaction whose answer was lost.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::{Duration, Instant};

use bytes::Bytes;
use dynoxide::DynoxideError;
use serde_json::Value;

use super::dynamodb::{Answer, Request};

/// How long DynamoDB remembers a token.
const MEMORY: Duration = Duration::from_secs(10 * 60);

/// Tokens in memory, at most. The SDK makes a token for each transaction.
const TOKENS_MAX: usize = 50_000;

/// The transactions that succeeded, by their tokens.
#[derive(Default)]
pub(super) struct Tokens(HashMap<String, Done>);

struct Done {
    at: Instant,
    digest: u64,
    body: Bytes,
}

impl Tokens {
    /// Runs a request, unless it repeats a transaction that succeeded.
    pub(super) fn once<E>(&mut self, request: &Request, run: impl FnOnce() -> Result<Answer, E>) -> Result<Answer, E> {
        let Some((token, digest)) = token_and_digest(request) else { return run() };
        if let Some(done) = self.0.get(&token).filter(|done| done.at.elapsed() < MEMORY) {
            let message = "An error occurred (IdempotentParameterMismatchException)".to_owned();
            return Ok(if done.digest == digest {
                Answer { status: 200, body: done.body.clone() }
            } else {
                Answer::error(&DynoxideError::IdempotentParameterMismatchException(message))
            });
        }
        let answer = run()?;
        if answer.is_success() {
            if self.0.len() >= TOKENS_MAX {
                self.0.clear();
            }
            self.0.insert(token, Done { at: Instant::now(), digest, body: answer.body.clone() });
        }
        Ok(answer)
    }

    /// Forgets requests whose transaction could not be committed.
    pub(super) fn forget(&mut self, requests: &[Request]) {
        for (token, _) in requests.iter().filter_map(token_and_digest) {
            self.0.remove(&token);
        }
    }
}

/// A transaction's token, and a digest of its steps. `None` if the request is no transaction with a token.
fn token_and_digest(request: &Request) -> Option<(String, u64)> {
    if request.operation != "TransactWriteItems" {
        return None;
    }
    let body: Value = serde_json::from_slice(&request.body).ok()?;
    let token = body.get("ClientRequestToken")?.as_str()?.to_owned();
    Some((token, digest(body.get("TransactItems")?)))
}

/// A digest that does not depend on the order of an object's fields.
fn digest(value: &Value) -> u64 {
    let mut hasher = DefaultHasher::new();
    match value {
        Value::Object(fields) => {
            let of_field = |(name, value): (&String, &Value)| {
                let mut hasher = DefaultHasher::new();
                (name, digest(value)).hash(&mut hasher);
                hasher.finish()
            };
            fields.iter().map(of_field).fold(0_u64, u64::wrapping_add).hash(&mut hasher);
        }
        Value::Array(items) => items.iter().map(digest).for_each(|digest| digest.hash(&mut hasher)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.to_string().hash(&mut hasher),
    }
    hasher.finish()
}
