//! What was published under a name of the platform's own: an event's `id`, or a request's `Idempotency-Key`. For a day a
//! repeat is known as one.

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use serde::Serialize;

use super::{ITEM_VERSION, Store, StoreError, keys, number, text, to_item};
use crate::domain::{EventId, Scope};
use crate::time::{SECONDS_A_DAY, Timestamp};

/// Who has a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// The one that asked.
    Ours,
    /// Another.
    Others,
}

#[derive(Serialize)]
struct ClaimItem<'a> {
    pk: String,
    sk: &'static str,
    v: u8,
    claimant: &'a str,
    /// Unix seconds: from then on the name is free, and DynamoDB removes the item.
    expires_at: i64,
}

impl Store {
    /// Claims an event for one of its publications; asking again for the same one finds it its own.
    ///
    /// # Errors
    /// Where DynamoDB could not be asked.
    pub async fn claim_event(
        &self,
        scope: &Scope,
        event: &EventId,
        publication: &str,
        now: Timestamp,
    ) -> Result<Claim, StoreError> {
        self.claim(keys::event_claim(scope, event), publication, now).await
    }

    /// Lets go of an event that could not be told of.
    ///
    /// # Errors
    /// Where DynamoDB did not take it.
    pub async fn release_event(&self, scope: &Scope, event: &EventId, publication: &str) -> Result<(), StoreError> {
        let release = self
            .client
            .delete_item()
            .table_name(&self.log_table)
            .key("pk", text(keys::event_claim(scope, event)))
            .key("sk", text(keys::CLAIM))
            .condition_expression("claimant = :claimant")
            .expression_attribute_values(":claimant", text(publication))
            .send()
            .await;
        match release {
            Ok(_) => Ok(()),
            Err(error) if error.as_service_error().is_some_and(|e| e.is_conditional_check_failed_exception()) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Claims the name of a request for a body, known by its digest.
    ///
    /// # Errors
    /// Where DynamoDB could not be asked.
    pub async fn claim_request(
        &self,
        scope: &Scope,
        key: &str,
        body_digest: &str,
        now: Timestamp,
    ) -> Result<Claim, StoreError> {
        self.claim(keys::request_claim(scope, key), body_digest, now).await
    }

    async fn claim(&self, pk: String, claimant: &str, now: Timestamp) -> Result<Claim, StoreError> {
        let expires_at = now.seconds() + SECONDS_A_DAY;
        let item = ClaimItem { pk, sk: keys::CLAIM, v: ITEM_VERSION, claimant, expires_at };
        let put = self
            .client
            .put_item()
            .table_name(&self.log_table)
            .set_item(Some(to_item(&item)?))
            .condition_expression("attribute_not_exists(pk) OR claimant = :claimant OR expires_at <= :now")
            .expression_attribute_values(":claimant", text(claimant))
            .expression_attribute_values(":now", number(now.seconds()))
            .send()
            .await;
        match put {
            Ok(_) => Ok(Claim::Ours),
            Err(SdkError::ServiceError(error))
                if matches!(error.err(), PutItemError::ConditionalCheckFailedException(_)) =>
            {
                Ok(Claim::Others)
            }
            Err(error) => Err(error.into()),
        }
    }
}
