//! Whose data it is: every read and write is under a [`Tenant`].

use serde::{Deserialize, Serialize};

use super::ProjectId;

/// One of a project's two separate environments; the API key says which.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Environment {
    /// `sk_live_…`
    Live,
    /// `sk_test_…`
    Test,
}

impl Environment {
    /// Both.
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

/// A project in one environment: nothing made under one tenant is visible under another.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Tenant {
    /// The project.
    pub project: ProjectId,
    /// Live or test.
    pub environment: Environment,
}
