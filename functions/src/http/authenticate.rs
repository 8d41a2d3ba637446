//! Authenticates the caller of a request: `Authorization: Bearer <api key>`.

use domain::time::Timestamp;
use domain::{ApiKey, Permission, Tenant, hex};
use http::header::AUTHORIZATION;
use lambda_http::Request;
use sha2::{Digest, Sha256};
use usecases::app::App;

use super::api_error::ApiError;

/// The holder of a valid API key. A handler that takes a `Caller` runs only for an authenticated request.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The tenant that the key belongs to.
    pub tenant: Tenant,
}

/// The caller, by the API key of `request`.
///
/// # Errors
/// Where the request has no key, the key does not exist, has expired or lacks the permission, or DynamoDB fails.
pub async fn authenticate(app: &App, request: &Request, permission: Permission) -> Result<Caller, ApiError> {
    let (key, now) = (bearer_token(request).ok_or(ApiError::MissingKey)?, app.clock.now());
    // The cache holds the key's SHA-256. The key itself is kept nowhere, not even in memory.
    let digest = hex(&Sha256::digest(key));
    if let Some(cached) = app.api_key_cache.get(&digest, now) {
        return caller(Some(&cached), permission, now);
    }
    let found = app.store.api_key(key).await?;
    if let Some(found) = &found {
        app.api_key_cache.insert(digest, found.clone(), now, now);
    }
    caller(found.as_ref(), permission, now)
}

fn caller(key: Option<&ApiKey>, permission: Permission, now: Timestamp) -> Result<Caller, ApiError> {
    let key = key.filter(|key| !key.is_expired(now)).ok_or(ApiError::InvalidKey)?;
    if key.may(permission) { Ok(Caller { tenant: key.tenant.clone() }) } else { Err(ApiError::Forbidden(permission)) }
}

fn bearer_token(request: &Request) -> Option<&str> {
    let (scheme, token) = request.headers().get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}
