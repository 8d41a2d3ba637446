//! The AWS calls that a function may make, as its row declares them. The policies of `template.yaml` are generated from
//! the rows, and the local stack refuses every other call.

/// A table, an index or a queue of the template.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Resource {
    /// The table of API keys, projects, agents and webhooks.
    ConfigTable,
    /// The config table's index of a tenant's agents and webhooks.
    ConfigListing,
    /// The table of deliveries and conversations.
    LogTable,
    /// The log table's index of deliveries that wait for another attempt.
    LogDue,
    /// The log table's generic index.
    LogGeneric,
    /// The queue of published events.
    EventsQueue,
    /// The queue of first attempts.
    DeliveriesQueue,
    /// The queue of later attempts, and of first attempts to slow webhooks.
    RetriesQueue,
    /// The queue of the steps of longer work.
    TasksQueue,
}

impl Resource {
    /// The resource's name in the template, and the path of an index within it.
    #[must_use]
    pub const fn name(self) -> (&'static str, &'static str) {
        match self {
            Self::ConfigTable => ("ConfigTable", ""),
            Self::ConfigListing => ("ConfigTable", "/index/listing"),
            Self::LogTable => ("LogTable", ""),
            Self::LogDue => ("LogTable", "/index/due"),
            Self::LogGeneric => ("LogTable", "/index/gsi1"),
            Self::EventsQueue => ("EventsQueue", ""),
            Self::DeliveriesQueue => ("DeliveriesQueue", ""),
            Self::RetriesQueue => ("RetriesQueue", ""),
            Self::TasksQueue => ("TasksQueue", ""),
        }
    }
}

/// A call to AWS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs, reason = "the names are those of IAM's actions")]
pub enum Action {
    GetItem,
    BatchGetItem,
    Query,
    PutItem,
    UpdateItem,
    DeleteItem,
    BatchWriteItem,
    ConditionCheckItem,
    SendMessage,
    ReceiveMessage,
    DeleteMessage,
    GetQueueAttributes,
}

impl Action {
    /// The action's name in IAM: `dynamodb:GetItem`.
    #[must_use]
    pub fn iam(self) -> String {
        let service = match self {
            Self::GetItem
            | Self::BatchGetItem
            | Self::Query
            | Self::PutItem
            | Self::UpdateItem
            | Self::DeleteItem
            | Self::BatchWriteItem
            | Self::ConditionCheckItem => "dynamodb",
            Self::SendMessage | Self::ReceiveMessage | Self::DeleteMessage | Self::GetQueueAttributes => "sqs",
        };
        format!("{service}:{self:?}")
    }
}

/// The actions that a function may do on one resource.
#[derive(Debug, Clone, Copy)]
pub struct Access {
    /// The resource.
    pub resource: Resource,
    /// The actions.
    pub actions: &'static [Action],
}

/// Allows a function `actions` on `resource`.
#[must_use]
pub const fn may(resource: Resource, actions: &'static [Action]) -> Access {
    Access { resource, actions }
}

/// The access that authenticating a caller needs.
pub const AUTHENTICATE: Access = may(Resource::ConfigTable, &[Action::GetItem]);

/// The actions that polling a queue needs.
pub const POLL: &[Action] = &[Action::ReceiveMessage, Action::DeleteMessage, Action::GetQueueAttributes];

#[cfg(test)]
mod tests {
    use clients::store::{DUE_INDEX, GENERIC_INDEX, LISTING_INDEX};

    use super::*;

    #[test]
    fn an_index_has_the_name_that_the_store_uses() {
        for (resource, index) in [
            (Resource::ConfigListing, LISTING_INDEX),
            (Resource::LogDue, DUE_INDEX),
            (Resource::LogGeneric, GENERIC_INDEX),
        ] {
            assert_eq!(resource.name().1, format!("/index/{index}"));
        }
    }
}
