//! API keys. Each key gives access to one tenant.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{KeyId, Tenant};
use crate::time::Timestamp;

/// A permission of an API key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Permission {
    /// Set, change, remove and test agents and webhooks. Includes [`Read`](Self::Read).
    Manage,
    /// Publish events.
    Publish,
    /// Read agents, webhooks and deliveries. This includes a webhook's secret and headers, if its dialect shows them.
    /// Casey's call that returns only the secret needs [`Manage`](Self::Manage) instead.
    Read,
}

impl Permission {
    /// All permissions.
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

/// An API key's description. The key itself is shown once and stored nowhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// The id that lists show.
    pub id: KeyId,
    /// The name that its creator chose.
    pub name: Option<String>,
    /// The tenant that the key gives access to.
    pub tenant: Tenant,
    /// The permissions in that tenant.
    pub permissions: BTreeSet<Permission>,
    /// When the key was created.
    pub created_at: Timestamp,
    /// From this time on, the key is refused. `None` if the key does not expire.
    pub expires_at: Option<Timestamp>,
}

impl ApiKey {
    /// Whether the key has `permission`. [`Permission::Manage`] includes [`Permission::Read`].
    #[must_use]
    pub fn may(&self, permission: Permission) -> bool {
        let implied = permission == Permission::Read && self.permissions.contains(&Permission::Manage);
        implied || self.permissions.contains(&permission)
    }

    /// Whether the key has expired at `now`.
    #[must_use]
    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|expires_at| now >= expires_at)
    }
}
