//! DynamoDB's calls, answered by dynoxide without its HTTP server.

use bytes::Bytes;
use dynoxide::{Database, DynoxideError};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The header `x-amz-target` of a DynamoDB request: this prefix, then the operation.
pub(super) const TARGET_PREFIX: &str = "DynamoDB_20120810.";

/// Answers an operation with an HTTP status and a JSON body.
pub(super) fn answer(database: &Database, operation: &str, body: &[u8]) -> (u16, Bytes) {
    match dispatch(database, operation, body) {
        Ok(json) => (200, json.into()),
        Err(error) => (error.status_code(), error.to_json().into()),
    }
}

/// The operations that the functions, the local stack and its tests use.
fn dispatch(database: &Database, operation: &str, body: &[u8]) -> Result<String, DynoxideError> {
    match operation {
        "BatchGetItem" => write(&database.batch_get_item(read(body)?)?),
        "BatchWriteItem" => write(&database.batch_write_item(read(body)?)?),
        "CreateTable" => write(&database.create_table(read(body)?)?),
        "DeleteItem" => write(&database.delete_item(read(body)?)?),
        "DescribeTable" => write(&database.describe_table(read(body)?)?),
        "GetItem" => write(&database.get_item(read(body)?)?),
        "PutItem" => write(&database.put_item(read(body)?)?),
        "Query" => write(&database.query(read(body)?)?),
        "Scan" => write(&database.scan(read(body)?)?),
        "TransactWriteItems" => write(&database.transact_write_items(read(body)?)?),
        "UpdateItem" => write(&database.update_item(read(body)?)?),
        "UpdateTimeToLive" => write(&database.update_time_to_live(read(body)?)?),
        other => Err(DynoxideError::UnsupportedCapability(format!("{other} inside the process"))),
    }
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, DynoxideError> {
    serde_json::from_slice(body).map_err(|error| DynoxideError::SerializationException(error.to_string()))
}

fn write(answer: &impl Serialize) -> Result<String, DynoxideError> {
    serde_json::to_string(answer).map_err(|error| DynoxideError::InternalServerError(error.to_string()))
}
