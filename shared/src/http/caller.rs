//! Who calls: `Authorization: Bearer <api key>`.

use http::header::AUTHORIZATION;
use lambda_http::Request;

use crate::domain::{ApiKey, Permission, Tenant};
use crate::store::StoreError;
use crate::time::Timestamp;

/// The holder of a valid API key. A handler that takes one runs for nobody else.
#[derive(Debug, Clone)]
pub struct Caller {
    /// What the key opens.
    pub tenant: Tenant,
}

/// Why a request has no [`Caller`].
#[derive(Debug, thiserror::Error)]
pub enum CallerError {
    /// No bearer token came with it.
    #[error("no API key was given")]
    Missing,
    /// There is no such key, or it has expired.
    #[error("the API key is not valid")]
    Invalid,
    /// The key is not for that.
    #[error("the API key may not {}", .0.as_str())]
    Forbidden(Permission),
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

/// The holder of a key that was looked up.
///
/// # Errors
/// Where there is none, it has expired, or may not do that.
pub fn caller(key: Option<&ApiKey>, permission: Permission, now: Timestamp) -> Result<Caller, CallerError> {
    let key = key.filter(|key| !key.is_expired(now)).ok_or(CallerError::Invalid)?;
    if key.may(permission) {
        Ok(Caller { tenant: key.tenant.clone() })
    } else {
        Err(CallerError::Forbidden(permission))
    }
}

fn bearer(request: &Request) -> Option<&str> {
    let (scheme, token) = request.headers().get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}
