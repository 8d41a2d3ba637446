//! Enforces the functions' policies as IAM does: a call that the template does not allow is refused here too.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_dynamodb::config::interceptors::BeforeSerializationInterceptorContextMut;
use aws_sdk_dynamodb::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_dynamodb::error::BoxError;
use aws_sdk_dynamodb::operation::batch_get_item::BatchGetItemInput;
use aws_sdk_dynamodb::operation::batch_write_item::BatchWriteItemInput;
use aws_sdk_dynamodb::operation::delete_item::DeleteItemInput;
use aws_sdk_dynamodb::operation::get_item::GetItemInput;
use aws_sdk_dynamodb::operation::put_item::PutItemInput;
use aws_sdk_dynamodb::operation::query::QueryInput;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsInput;
use aws_sdk_dynamodb::operation::update_item::UpdateItemInput;
use aws_sdk_dynamodb::types::TransactWriteItem;
use aws_sdk_sqs::operation::delete_message_batch::DeleteMessageBatchInput;
use aws_sdk_sqs::operation::get_queue_attributes::GetQueueAttributesInput;
use aws_sdk_sqs::operation::receive_message::ReceiveMessageInput;
use aws_sdk_sqs::operation::send_message_batch::SendMessageBatchInput;

use crate::invoke;
use crate::template::{Permission, Template};

/// A function's name, and a permission that it has or used.
pub type Use = (String, Permission);

/// Checks every call to AWS of a stack's functions, and collects the permissions used. Clones share them.
#[derive(Debug, Clone)]
pub struct Policy {
    allowed: Arc<BTreeMap<String, BTreeSet<Permission>>>,
    calls: Arc<Mutex<Calls>>,
}

#[derive(Debug, Default)]
struct Calls {
    used: BTreeSet<Use>,
    refused: BTreeSet<Use>,
}

impl Policy {
    /// The policies in the template.
    pub(crate) fn of(template: &Template) -> Self {
        let functions = template.functions.values();
        let allowed = functions.map(|function| (function.name.clone(), function.permissions.clone()));
        Self { allowed: Arc::new(allowed.collect()), calls: Arc::default() }
    }

    /// The permissions that the functions have used so far.
    #[must_use]
    pub fn used(&self) -> BTreeSet<Use> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).used.clone()
    }

    /// The permissions that the functions needed so far but do not have.
    #[must_use]
    pub fn refused(&self) -> BTreeSet<Use> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).refused.clone()
    }

    fn check(&self, action: &str, resource: &str) -> Result<(), BoxError> {
        // A call from outside a function is the developer's own, and is allowed.
        let Some(function) = invoke::running() else { return Ok(()) };
        let permission = Permission { action: action.to_owned(), resource: resource.to_owned() };
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.allowed.get(&function).is_some_and(|allowed| allowed.contains(&permission)) {
            tracing::error!(action, resource, "template.yaml does not allow this call");
            let message = format!("AccessDenied: template.yaml does not let {function} {action} on {resource}");
            calls.refused.insert((function, permission));
            return Err(message.into());
        }
        calls.used.insert((function, permission));
        Ok(())
    }
}

impl Intercept for Policy {
    fn name(&self) -> &'static str {
        "Policy"
    }

    fn modify_before_serialization(
        &self,
        context: &mut BeforeSerializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let input = context.input();
        let table = |name: &Option<String>| name.clone().unwrap_or_default();
        if let Some(get) = input.downcast_ref::<GetItemInput>() {
            self.check("dynamodb:GetItem", &table(&get.table_name))
        } else if let Some(query) = input.downcast_ref::<QueryInput>() {
            let index = query.index_name.as_ref().map(|index| format!("/index/{index}")).unwrap_or_default();
            self.check("dynamodb:Query", &(table(&query.table_name) + &index))
        } else if let Some(put) = input.downcast_ref::<PutItemInput>() {
            self.check("dynamodb:PutItem", &table(&put.table_name))
        } else if let Some(update) = input.downcast_ref::<UpdateItemInput>() {
            self.check("dynamodb:UpdateItem", &table(&update.table_name))
        } else if let Some(delete) = input.downcast_ref::<DeleteItemInput>() {
            self.check("dynamodb:DeleteItem", &table(&delete.table_name))
        } else if let Some(get) = input.downcast_ref::<BatchGetItemInput>() {
            get.request_items.iter().flatten().try_for_each(|(table, _)| self.check("dynamodb:BatchGetItem", table))
        } else if let Some(write) = input.downcast_ref::<BatchWriteItemInput>() {
            write.request_items.iter().flatten().try_for_each(|(table, _)| self.check("dynamodb:BatchWriteItem", table))
        } else if let Some(transaction) = input.downcast_ref::<TransactWriteItemsInput>() {
            let mut steps = transaction.transact_items.iter().flatten().flat_map(steps);
            steps.try_for_each(|(action, table)| self.check(action, table))
        } else if let Some(batch) = input.downcast_ref::<SendMessageBatchInput>() {
            self.check("sqs:SendMessage", queue(&batch.queue_url))
        } else if let Some(receive) = input.downcast_ref::<ReceiveMessageInput>() {
            self.check("sqs:ReceiveMessage", queue(&receive.queue_url))
        } else if let Some(batch) = input.downcast_ref::<DeleteMessageBatchInput>() {
            self.check("sqs:DeleteMessage", queue(&batch.queue_url))
        } else if let Some(get) = input.downcast_ref::<GetQueueAttributesInput>() {
            self.check("sqs:GetQueueAttributes", queue(&get.queue_url))
        } else {
            self.check("a call that no policy knows", "")
        }
    }
}

/// The name of the queue at `url`.
fn queue(url: &Option<String>) -> &str {
    url.as_deref().and_then(|url| url.rsplit('/').next()).unwrap_or_default()
}

/// The actions that a step of a transaction needs, each with its table.
fn steps(step: &TransactWriteItem) -> Vec<(&'static str, &str)> {
    let put = step.put.as_ref().map(|put| ("dynamodb:PutItem", put.table_name()));
    let update = step.update.as_ref().map(|update| ("dynamodb:UpdateItem", update.table_name()));
    let delete = step.delete.as_ref().map(|delete| ("dynamodb:DeleteItem", delete.table_name()));
    let check = step.condition_check.as_ref().map(|check| ("dynamodb:ConditionCheckItem", check.table_name()));
    [put, update, delete, check].into_iter().flatten().collect()
}
