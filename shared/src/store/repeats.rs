//! What was published under a name of the platform's own: an event's `id`, or a request's `Idempotency-Key`. For a day a
//! repeat is known as one.

use std::time::Duration;

use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::put_item::builders::PutItemFluentBuilder;
use aws_sdk_dynamodb::types::ReturnValuesOnConditionCheckFailure;
use serde::{Deserialize, Serialize};

use super::keys::FirstPlace;
use super::{ITEM_VERSION, Item, Store, StoreError, flag, from_item, keys, number, text, to_item};
use crate::domain::{Event, EventId, Scope};
use crate::time::{SECONDS_A_DAY, Timestamp};

/// A claim whose holder has not told of its event for so long is another's to take: longer than a message stays with the
/// function that works it.
const CLAIM_HELD: Duration = Duration::from_secs(10 * 60);

/// Who tells of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// The one that asked.
    Ours,
    /// It was told of.
    Told,
    /// Another is about to, or was when it ended: ask again later.
    Held,
}

#[derive(Serialize, Deserialize)]
struct Named<T> {
    pk: String,
    sk: String,
    v: u8,
    /// Unix seconds: from then on the name is free, and DynamoDB removes the item.
    expires_at: i64,
    #[serde(flatten)]
    content: T,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Claimant {
    claimant: String,
    claimed_at: Timestamp,
    told: bool,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Body {
    digest: String,
}

/// What became of naming something.
enum Naming<T> {
    Done,
    /// It has the name already.
    Taken(T),
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
        let pk = keys::named_event(scope, event);
        let claim = Claimant { claimant: publication.to_owned(), claimed_at: now, told: false };
        let held_until = number(now.minus(CLAIM_HELD).millis());
        let condition = |put: PutItemFluentBuilder| {
            put.condition_expression(
                "attribute_not_exists(pk) OR expires_at <= :now OR (told = :no AND claimed_at < :held_until)",
            )
            .expression_attribute_values(":no", flag(false))
            .expression_attribute_values(":held_until", held_until)
        };
        Ok(match self.name(pk, keys::CLAIM, claim, now, condition).await? {
            Naming::Done => Claim::Ours,
            Naming::Taken(other) if other.told => Claim::Told,
            Naming::Taken(other) if other.claimant == publication => Claim::Ours,
            Naming::Taken(_) => Claim::Held,
        })
    }

    /// Writes down that an event's deliveries are queued: its repeats may be dropped.
    ///
    /// # Errors
    /// Where DynamoDB did not take it.
    pub async fn event_is_told(&self, scope: &Scope, event: &EventId) -> Result<(), StoreError> {
        self.client
            .update_item()
            .table_name(&self.log_table)
            .key("pk", text(keys::named_event(scope, event)))
            .key("sk", text(keys::CLAIM))
            .update_expression("SET told = :yes")
            .expression_attribute_values(":yes", flag(true))
            .send()
            .await?;
        Ok(())
    }

    /// Names a request by its key; `false` where the key was used with another body, known by its digest.
    ///
    /// # Errors
    /// Where DynamoDB could not be asked.
    pub async fn name_request(
        &self,
        scope: &Scope,
        key: &str,
        digest: &str,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let body = Body { digest: digest.to_owned() };
        Ok(match self.name(keys::named_request(scope, key), keys::CLAIM, body.clone(), now, free).await? {
            Naming::Done => true,
            Naming::Taken(other) => other == body,
        })
    }

    /// Where an event is among others: for a repeat, where its first publication was.
    pub(super) async fn first_place(&self, scope: &Scope, event: &Event) -> Result<FirstPlace, StoreError> {
        let place = FirstPlace::of(event);
        if !event.is_named {
            return Ok(place);
        }
        let pk = keys::named_event(scope, &event.id);
        Ok(match self.name(pk, keys::PLACE, place, event.accepted_at, free).await? {
            Naming::Done => place,
            Naming::Taken(first) => first,
        })
    }

    async fn name<T>(
        &self,
        pk: String,
        sk: &str,
        content: T,
        now: Timestamp,
        condition: impl FnOnce(PutItemFluentBuilder) -> PutItemFluentBuilder,
    ) -> Result<Naming<T>, StoreError>
    where
        T: Serialize + for<'de> Deserialize<'de>,
    {
        let expires_at = now.seconds() + SECONDS_A_DAY;
        let item = Named { pk, sk: sk.to_owned(), v: ITEM_VERSION, expires_at, content };
        let put = self
            .client
            .put_item()
            .table_name(&self.log_table)
            .set_item(Some(to_item(&item)?))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .expression_attribute_values(":now", number(now.seconds()));
        let Err(error) = condition(put).send().await else { return Ok(Naming::Done) };
        match error.as_service_error() {
            Some(PutItemError::ConditionalCheckFailedException(failure)) => {
                let taken: Item = failure.item().cloned().unwrap_or_default();
                Ok(Naming::Taken(from_item::<Named<T>>(taken)?.content))
            }
            _ => Err(error.into()),
        }
    }
}

/// A name that nobody has, or had within the last day.
fn free(put: PutItemFluentBuilder) -> PutItemFluentBuilder {
    put.condition_expression("attribute_not_exists(pk) OR expires_at <= :now")
}
