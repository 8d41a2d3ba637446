//! Counts everything that AWS would charge for: every call at the SDK, with the units that DynamoDB reports. The module
//! `invocations` adds every invocation.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_dynamodb::config::interceptors::{
    AfterDeserializationInterceptorContextRef, BeforeSerializationInterceptorContextMut,
};
use aws_sdk_dynamodb::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_dynamodb::error::BoxError;
use aws_sdk_dynamodb::operation::{
    batch_get_item, batch_write_item, delete_item, get_item, put_item, query, transact_write_items, update_item,
};
use aws_sdk_dynamodb::types::{ConsumedCapacity, ReturnConsumedCapacity};
use aws_sdk_sqs::operation::send_message_batch::SendMessageBatchInput;
use aws_smithy_runtime_api::client::interceptors::context::{Input, Output};
use aws_smithy_runtime_api::client::orchestrator::Metadata;
use clients::queue::Queues;
use clients::store::Store;
use local::{aws, invoke};
use serde::{Deserialize, Serialize};
use usecases::app::App;

/// SQS bills each 64 KiB of a call as a request.
const SQS_REQUEST_BYTES: usize = 64 * 1024;

/// Calls of one kind that one function made.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Calls {
    pub(crate) calls: u64,
    /// DynamoDB's units.
    pub(crate) read_units: f64,
    pub(crate) write_units: f64,
    /// SQS's billed requests, of 64 KiB each.
    pub(crate) requests: u64,
    /// SQS's messages.
    pub(crate) messages: u64,
    pub(crate) message_bytes: u64,
}

/// Invocations of one function.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Invocations {
    pub(crate) count: u64,
    /// Milliseconds. Each invocation's time is rounded up, as Lambda does.
    pub(crate) billed_ms: u64,
}

/// The counts since the last call of [`Counts::take`].
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Tally {
    /// By function, then by call: `PutItem`, `SendMessageBatch`.
    pub(crate) calls: BTreeMap<String, BTreeMap<String, Calls>>,
    pub(crate) invocations: BTreeMap<String, Invocations>,
}

/// The counter, shared by all clients of a process.
#[derive(Debug, Default)]
pub(crate) struct Counts(Mutex<Tally>);

impl Counts {
    /// Returns the counts, and sets them to zero.
    pub(crate) fn take(&self) -> Tally {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn add(&self, call: &str, add: impl FnOnce(&mut Calls)) {
        let Some(function) = invoke::running() else { return };
        let mut tally = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        add(tally.calls.entry(function).or_default().entry(call.to_owned()).or_default());
    }

    /// Counts an invocation of `function` that took this time.
    pub(crate) fn invoked(&self, function: &str, took: Duration) {
        let mut tally = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let invocations = tally.invocations.entry(function.to_owned()).or_default();
        invocations.count += 1;
        invocations.billed_ms += u64::try_from(took.as_micros().div_ceil(1000)).unwrap_or(u64::MAX);
    }
}

/// Puts the counter between a stack's functions and the stores.
pub(crate) async fn stand_in(app: &mut App, stores_url: &str, counts: &Arc<Counts>) {
    let config = aws::config(stores_url).await;
    stand_in_with(app, &config, &config, counts);
}

/// Like [`stand_in`], with clients of these configurations.
pub(crate) fn stand_in_with(app: &mut App, dynamodb: &SdkConfig, sqs: &SdkConfig, counts: &Arc<Counts>) {
    let dynamodb = aws_sdk_dynamodb::config::Builder::from(dynamodb).interceptor(Counter(counts.clone())).build();
    let sqs = aws_sdk_sqs::config::Builder::from(sqs).interceptor(Counter(counts.clone())).build();
    app.store = Store::new(aws_sdk_dynamodb::Client::from_conf(dynamodb), &app.settings);
    app.queues = Queues::new(aws_sdk_sqs::Client::from_conf(sqs), &app.settings);
}

#[derive(Debug)]
struct Counter(Arc<Counts>);

/// Defines `ask_for_units` and `consumed_units`: they access the input and the output of any of DynamoDB's calls.
macro_rules! dynamodb_calls {
    ($($module:ident $input:ident $output:ident $kind:ident),* $(,)?) => {
        fn ask_for_units(input: &mut Input) {
            $(
                if let Some(input) = input.downcast_mut::<$module::$input>() {
                    input.return_consumed_capacity = Some(ReturnConsumedCapacity::Indexes);
                }
            )*
        }

        fn consumed_units(output: &Output) -> Option<Units> {
            $(
                if let Some(output) = output.downcast_ref::<$module::$output>() {
                    return Some(Units::$kind(output.consumed_capacity.iter().flat_map(each).sum()));
                }
            )*
            None
        }
    };
}

dynamodb_calls![
    get_item GetItemInput GetItemOutput Read,
    batch_get_item BatchGetItemInput BatchGetItemOutput Read,
    query QueryInput QueryOutput Read,
    put_item PutItemInput PutItemOutput Write,
    update_item UpdateItemInput UpdateItemOutput Write,
    delete_item DeleteItemInput DeleteItemOutput Write,
    batch_write_item BatchWriteItemInput BatchWriteItemOutput Write,
    transact_write_items TransactWriteItemsInput TransactWriteItemsOutput Write,
];

enum Units {
    Read(f64),
    Write(f64),
}

/// The units in an answer. A call for one item has one capacity; a call for many items has a list.
trait Capacities {
    fn units(&self) -> f64;
}

impl Capacities for ConsumedCapacity {
    fn units(&self) -> f64 {
        self.capacity_units.unwrap_or_default()
    }
}

impl Capacities for Vec<ConsumedCapacity> {
    fn units(&self) -> f64 {
        self.iter().map(Capacities::units).sum()
    }
}

fn each(capacities: &impl Capacities) -> Option<f64> {
    Some(capacities.units())
}

impl Intercept for Counter {
    fn name(&self) -> &'static str {
        "Counter"
    }

    fn modify_before_serialization(
        &self,
        context: &mut BeforeSerializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        ask_for_units(context.input_mut());
        if let Some(batch) = context.input().downcast_ref::<SendMessageBatchInput>() {
            let bytes: usize = batch.entries().iter().map(|entry| entry.message_body().len()).sum();
            self.0.add("SendMessageBatch", |calls| {
                calls.calls += 1;
                calls.messages += batch.entries().len() as u64;
                calls.message_bytes += bytes as u64;
                calls.requests += bytes.div_ceil(SQS_REQUEST_BYTES).max(1) as u64;
            });
        }
        Ok(())
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let name = config.load::<Metadata>().map(|call| call.name().to_owned()).unwrap_or_default();
        let units = match context.output_or_error() {
            Ok(output) => consumed_units(output),
            // AWS charges for a write even if its condition fails.
            Err(_) if ["PutItem", "UpdateItem", "DeleteItem"].contains(&name.as_str()) => Some(Units::Write(1.0)),
            Err(_) => None,
        };
        let Some(units) = units else { return Ok(()) };
        self.0.add(&name, |calls| {
            calls.calls += 1;
            match units {
                Units::Read(units) => calls.read_units += units,
                Units::Write(units) => calls.write_units += units,
            }
        });
        Ok(())
    }
}
