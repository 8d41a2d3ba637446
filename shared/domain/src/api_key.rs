//! What opens a tenant.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{KeyId, Tenant};
use crate::time::Timestamp;

/// What the holder of a key may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Permission {
    /// Set, change, remove and test agents and webhooks, and read.
    Manage,
    /// Publish events.
    Publish,
    /// Read agents, webhooks and deliveries: what a dialect shows of a webhook, its secret and headers too, but for Casey's call
    /// that is for the secret alone.
    Read,
}

impl Permission {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Manage, Self::Publish, Self::Read];

    /// `manage`, `publish` or `read`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Manage => "manage",
            Self::Publish => "publish",
            Self::Read => "read",
        }
    }
}

/// An API key, without the key itself: that is shown once, and stored nowhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// What it is called in lists.
    pub id: KeyId,
    /// What its maker calls it.
    pub name: Option<String>,
    /// What it opens.
    pub tenant: Tenant,
    /// What it may do there.
    pub permissions: BTreeSet<Permission>,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when on it opens nothing.
    pub expires_at: Option<Timestamp>,
}

impl ApiKey {
    /// Whether it allows that. Who may manage may read.
    #[must_use]
    pub fn may(&self, permission: Permission) -> bool {
        let implied = permission == Permission::Read && self.permissions.contains(&Permission::Manage);
        implied || self.permissions.contains(&permission)
    }

    /// Whether it opens nothing any more.
    #[must_use]
    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|expires_at| now >= expires_at)
    }
}
