//! What a function may call, as its row declares it. The policies of `template.yaml` are made of it, and the local stack
//! refuses everything else.

/// A table, an index or a queue of the template.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Resource {
    /// The table of API keys, projects, agents and webhooks.
    ConfigTable,
    /// Its index of a tenant's agents and webhooks.
    ConfigListing,
    /// The table of deliveries and conversations.
    LogTable,
    /// Its index of deliveries that wait for another attempt.
    LogDue,
    /// Published events.
    EventsQueue,
    /// First attempts.
    DeliveriesQueue,
    /// Later attempts, and those of slow endpoints.
    RetriesQueue,
}

impl Resource {
    /// The template's resource, and the path of an index within it.
    #[must_use]
    pub const fn name(self) -> (&'static str, &'static str) {
        match self {
            Self::ConfigTable => ("ConfigTable", ""),
            Self::ConfigListing => ("ConfigTable", "/index/listing"),
            Self::LogTable => ("LogTable", ""),
            Self::LogDue => ("LogTable", "/index/due"),
            Self::EventsQueue => ("EventsQueue", ""),
            Self::DeliveriesQueue => ("DeliveriesQueue", ""),
            Self::RetriesQueue => ("RetriesQueue", ""),
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
    /// As IAM calls it: `dynamodb:GetItem`.
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

/// Actions on one resource.
#[derive(Debug, Clone, Copy)]
pub struct Access {
    /// The resource.
    pub resource: Resource,
    /// The actions.
    pub actions: &'static [Action],
}

/// Lets a function do `actions` on `resource`.
#[must_use]
pub const fn may(resource: Resource, actions: &'static [Action]) -> Access {
    Access { resource, actions }
}

/// What finding a caller by its API key takes.
pub const AUTHENTICATE: Access = may(Resource::ConfigTable, &[Action::GetItem]);

/// What polling a queue takes.
pub const POLL: &[Action] = &[Action::ReceiveMessage, Action::DeleteMessage, Action::GetQueueAttributes];
