//! Tenants. Every read and write of a project's data is for one [`Tenant`].

use serde::{Deserialize, Serialize};

use super::ProjectId;

/// A project has two separate environments. The API key decides which one a call uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Environment {
    /// `sk_live_…`
    Live,
    /// `sk_test_…`
    Test,
}

impl Environment {
    /// Both environments.
    pub const ALL: [Self; 2] = [Self::Live, Self::Test];

    /// `live` or `test`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Test => "test",
        }
    }
}

/// A project in one environment. Data of one tenant is never visible to another.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Tenant {
    /// The project.
    pub project: ProjectId,
    /// The environment.
    pub environment: Environment,
}
