//! Who calls: `Authorization: Bearer <api key>`.

use http::header::AUTHORIZATION;
use lambda_http::Request;

use crate::domain::Scope;
use crate::store::{Store, StoreError};

/// The holder of a valid API key. A handler that takes one runs for nobody else.
#[derive(Debug, Clone)]
pub struct Caller {
    /// What the key opens.
    pub scope: Scope,
}

/// Why a request has no [`Caller`].
#[derive(Debug, thiserror::Error)]
pub enum CallerError {
    /// No bearer token came with it.
    #[error("no API key was given")]
    Missing,
    /// There is no such key.
    #[error("the API key is not valid")]
    Invalid,
    /// The key could not be looked up.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The key that came with `request`.
///
/// # Errors
/// Where there is none.
pub fn api_key(request: &Request) -> Result<&str, CallerError> {
    bearer(request).ok_or(CallerError::Missing)
}

/// Looks up a key.
///
/// # Errors
/// Where it is unknown, or the store fails.
pub async fn caller(store: &Store, key: &str) -> Result<Caller, CallerError> {
    let scope = store.scope_of_key(key).await?.ok_or(CallerError::Invalid)?;
    Ok(Caller { scope })
}

fn bearer(request: &Request) -> Option<&str> {
    let (scheme, token) = request.headers().get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}
