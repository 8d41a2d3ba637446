//! DynamoDB's calls, each answered by dynoxide's action of the same name.

use bytes::Bytes;
use dynoxide::actions::vector_lifecycle::VectorIndexLifecycle;
use dynoxide::actions::{
    batch_execute_statement, batch_get_item, batch_write_item, create_table, delete_item, delete_table, describe_table,
    describe_time_to_live, execute_statement, execute_transaction, get_item, list_tables, list_tags_of_resource,
    put_item, query, scan, tag_resource, transact_get_items, transact_write_items, untag_resource, update_item,
    update_table, update_time_to_live,
};
use dynoxide::storage::Storage;
use dynoxide::{DynoxideError, Result};
use futures::FutureExt;
use http::StatusCode;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The header `x-amz-target` of a DynamoDB request: this prefix, then the operation.
pub(super) const TARGET_PREFIX: &str = "DynamoDB_20120810.";

/// A call.
pub(super) struct Request {
    /// For example `PutItem`.
    pub(super) operation: String,
    /// The call's parameters, as JSON.
    pub(super) body: Bytes,
}

/// An HTTP status and a JSON body.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Bytes,
}

/// How a call shares transactions with other calls.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// It writes nothing.
    Read,
    /// It writes all or nothing, and may share a transaction.
    Write,
    /// It has transactions of its own: it changes a table, or it may succeed in part.
    Alone,
}

/// The kind of the operation with this name.
pub(super) fn kind(operation: &str) -> Kind {
    match operation {
        "BatchGetItem" | "DescribeTable" | "GetItem" | "Query" | "Scan" => Kind::Read,
        "BatchWriteItem" | "DeleteItem" | "PutItem" | "TransactWriteItems" | "UpdateItem" => Kind::Write,
        _ => Kind::Alone,
    }
}

/// Runs an operation.
pub(super) fn run(storage: &Storage, indexes: &VectorIndexLifecycle, request: &Request) -> Answer {
    match dispatch(storage, indexes, &request.operation, &request.body) {
        Ok(json) => Answer { status: StatusCode::OK.as_u16(), body: json.into() },
        Err(error) => Answer::error(&error),
    }
}

impl Answer {
    /// The answer to a call that failed.
    pub(super) fn error(error: &DynoxideError) -> Self {
        Self { status: error.status_code(), body: error.to_json().into() }
    }

    /// Whether the call succeeded.
    pub(super) fn is_success(&self) -> bool {
        self.status == StatusCode::OK.as_u16()
    }
}

fn dispatch(db: &Storage, indexes: &VectorIndexLifecycle, operation: &str, body: &[u8]) -> Result<String> {
    match operation {
        "BatchExecuteStatement" => write(batch_execute_statement::execute(db, read(body)?)),
        "BatchGetItem" => write(batch_get_item::execute(db, read(body)?)),
        "BatchWriteItem" => write(batch_write_item::execute(db, read(body)?)),
        "CreateTable" => write(create_table::execute(db, read(body)?)),
        "DeleteItem" => write(delete_item::execute(db, read(body)?)),
        "DeleteTable" => write(delete_table::execute(db, read(body)?, indexes)),
        "DescribeTable" => write(describe_table::execute(db, read(body)?, indexes)),
        "DescribeTimeToLive" => write(describe_time_to_live::execute(db, read(body)?)),
        "ExecuteStatement" => write(execute_statement::execute(db, read(body)?)),
        "ExecuteTransaction" => write(execute_transaction::execute(db, read(body)?)),
        "GetItem" => write(get_item::execute(db, read(body)?)),
        "ListTables" => write(list_tables::execute(db, read(body)?)),
        "ListTagsOfResource" => write(list_tags_of_resource::execute(db, read(body)?)),
        "PutItem" => write(put_item::execute(db, read(body)?)),
        "Query" => write(query::execute(db, read(body)?)),
        "Scan" => write(scan::execute(db, read(body)?)),
        "TagResource" => write(tag_resource::execute(db, read(body)?)),
        "TransactGetItems" => write(transact_get_items::execute(db, read(body)?)),
        "TransactWriteItems" => write(transact_write_items::execute(db, read(body)?)),
        "UntagResource" => write(untag_resource::execute(db, read(body)?)),
        "UpdateItem" => write(update_item::execute(db, read(body)?)),
        "UpdateTable" => write(update_table::execute(db, read(body)?, indexes)),
        "UpdateTimeToLive" => write(update_time_to_live::execute(db, read(body)?)),
        other => Err(DynoxideError::UnsupportedCapability(other.to_owned())),
    }
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T> {
    serde_json::from_slice(body).map_err(|error| DynoxideError::SerializationException(error.to_string()))
}

/// Runs an action. Actions on SQLite never wait.
fn write<T: Serialize>(action: impl Future<Output = Result<T>>) -> Result<String> {
    let internal = |message: String| DynoxideError::InternalServerError(message);
    let answer = action.now_or_never().ok_or_else(|| internal("an action waits".to_owned()))??;
    serde_json::to_string(&answer).map_err(|error| internal(error.to_string()))
}
