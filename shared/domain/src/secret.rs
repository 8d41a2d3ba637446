//! Signing secrets. They are printed by nothing but the dialects that show them.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::time::Timestamp;

/// What a webhook's deliveries are signed with. Its `Debug` form shows nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Takes a secret as the customer or the store holds it.
    #[must_use]
    pub const fn new(text: String) -> Self {
        Self(text)
    }

    /// The secret `whsec_` and `bytes` in base64.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Self {
        Self(format!("whsec_{}", STANDARD.encode(bytes)))
    }

    /// The secret itself: for signing, for sealing, and for the answers that are there to show it.
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

/// The secret before the last rotation: deliveries are signed with it too until `valid_until`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreviousSecret {
    /// The old secret.
    pub secret: Secret,
    /// From then on it signs nothing.
    pub valid_until: Timestamp,
}
