//! Signing secrets. Only the dialects that show secrets print them.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::time::Timestamp;

/// A secret: a webhook's signing secret, or a token or password of its requests. The `Debug` form does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a secret, in the form that the customer and the store have.
    #[must_use]
    pub const fn new(text: String) -> Self {
        Self(text)
    }

    /// The secret `whsec_…`, with `bytes` in base64.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Self {
        Self(format!("whsec_{}", STANDARD.encode(bytes)))
    }

    /// The secret itself: for signing, for sealing, and for the API calls that show it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret(…)")
    }
}

/// A secret from before a rotation. Until `valid_until`, it signs deliveries, too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreviousSecret {
    /// The old secret.
    pub secret: Secret,
    /// When the old secret stops signing.
    pub valid_until: Timestamp,
}
