//! The permissions that the template gives a function.

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use serde_yaml_ng::Value;

use super::document::{PolicyDocument, Statement};
use super::{resource_of, tagged};

/// An AWS action that is allowed on one resource.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Permission {
    /// For example `dynamodb:Query`.
    pub action: String,
    /// For example `ConfigTable` or `ConfigTable/index/listing`.
    pub resource: String,
}

/// The permissions of a function's policies.
pub(super) fn of(policies: Vec<PolicyDocument>) -> Result<BTreeSet<Permission>> {
    let mut permissions = BTreeSet::new();
    for Statement { action, resource } in policies.into_iter().flat_map(|policy| policy.statement) {
        let resources = resource.as_sequence().cloned().unwrap_or_else(|| vec![resource]);
        for resource in resources.iter().map(permitted) {
            let resource = resource?;
            permissions.extend(action.iter().cloned().map(|action| Permission { action, resource: resource.clone() }));
        }
    }
    Ok(permissions)
}

/// `ConfigTable/index/listing` of `!Sub ${ConfigTable.Arn}/index/listing`.
fn permitted(resource: &Value) -> Result<String> {
    if let Ok(arn) = tagged(resource, "GetAtt") {
        return resource_of(arn);
    }
    let text = tagged(resource, "Sub")?;
    let inside = text.strip_prefix("${").and_then(|text| text.split_once('}'));
    let (arn, rest) = inside.with_context(|| format!("`{text}` is not a resource"))?;
    Ok(resource_of(arn)? + rest)
}
