//! Conversations: the messages and states that were published for them, in the order of time. Kept as long as the log.

use std::collections::HashSet;

use aws_sdk_dynamodb::types::AttributeValue;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{ITEM_VERSION, Item, Store, StoreError, from_item, keys, text, to_item};
use crate::domain::{Conversation, Event, Message, Scope};
use crate::time::SECONDS_A_DAY;

#[derive(Serialize, Deserialize)]
struct MessageItem {
    #[serde(flatten)]
    place: Place,
    #[serde(flatten)]
    message: Message,
}

#[derive(Serialize, Deserialize)]
struct StateItem {
    #[serde(flatten)]
    place: Place,
    /// JSON.
    state: String,
}

#[derive(Serialize, Deserialize)]
struct Place {
    pk: String,
    sk: String,
    v: u8,
    /// Unix seconds: DynamoDB removes the item from then on.
    expires_at: i64,
}

/// States that are read to find the last one that is no repeat.
const STATES_READ: u8 = 5;

/// Items from the latest to the oldest, turned around, without `event`'s own and without those that an event brought again
/// when it was published again.
fn without_repeats(items: Vec<Item>, event: &Event) -> Vec<Item> {
    let mut seen = HashSet::from([event.id.to_string()]);
    let is_first = |item: &Item| keys::event_of(item.get("sk")).is_none_or(|id| seen.insert(id.to_owned()));
    let mut items: Vec<Item> = items.into_iter().rev().collect();
    items.retain(is_first);
    items
}

impl Store {
    /// Keeps what `event` brings to its conversation: a message, its state. Doing it twice keeps it once. Nothing where
    /// the event is of no conversation.
    ///
    /// # Errors
    /// Where DynamoDB did not take it.
    pub async fn remember(&self, scope: &Scope, event: &Event, message: Option<Message>) -> Result<(), StoreError> {
        let Some(conversation) = &event.conversation_id else { return Ok(()) };
        let agent = event.agent_id.as_ref();
        if let Some(message) = message {
            let place = self.place(keys::messages(scope, agent, conversation), keys::message(event), event);
            self.put_in_log(to_item(&MessageItem { place, message })?).await?;
        }
        if let Some(state) = &event.conversation_state {
            let place = self.place(keys::states(scope, agent, conversation), keys::accepted(event), event);
            self.put_in_log(to_item(&StateItem { place, state: state.get().to_owned() })?).await?;
        }
        Ok(())
    }

    fn place(&self, pk: String, sk: String, event: &Event) -> Place {
        let expires_at = event.accepted_at.seconds() + i64::from(self.retention_days) * SECONDS_A_DAY;
        Place { pk, sk, v: ITEM_VERSION, expires_at }
    }

    async fn put_in_log(&self, item: Item) -> Result<(), StoreError> {
        self.client.put_item().table_name(&self.log_table).set_item(Some(item)).send().await?;
        Ok(())
    }

    /// The conversation of `event` as it stood before it, with at most `messages_max` messages; an empty one where it is
    /// of none.
    ///
    /// # Errors
    /// Where DynamoDB could not be asked.
    pub async fn conversation(
        &self,
        scope: &Scope,
        event: &Event,
        messages_max: u8,
    ) -> Result<Conversation, StoreError> {
        let Some(id) = &event.conversation_id else { return Ok(Conversation::default()) };
        let agent = event.agent_id.as_ref();
        let mut messages: Vec<Message> = Vec::new();
        if messages_max > 0 {
            let partition = keys::messages(scope, agent, id);
            let items = self.before(partition, keys::message(event), messages_max.saturating_mul(2)).await?;
            for item in without_repeats(items, event) {
                messages.push(from_item::<MessageItem>(item)?.message);
            }
            messages.drain(..messages.len().saturating_sub(messages_max.into()));
        }
        let states = self.before(keys::states(scope, agent, id), keys::accepted(event), STATES_READ).await?;
        let state = without_repeats(states, event).pop().map(from_item::<StateItem>).transpose()?;
        let state = state.and_then(|item| RawValue::from_string(item.state).ok());
        Ok(Conversation { messages, state })
    }

    /// The last items of a partition of the log table before `sk`, latest first. They are short: one page holds them.
    async fn before(&self, pk: String, sk: String, limit: u8) -> Result<Vec<Item>, StoreError> {
        let page = self
            .client
            .query()
            .table_name(&self.log_table)
            .key_condition_expression("pk = :partition AND sk < :own")
            .expression_attribute_values(":partition", text(pk))
            .expression_attribute_values(":own", AttributeValue::S(sk))
            .scan_index_forward(false)
            .limit(i32::from(limit))
            .consistent_read(true)
            .send()
            .await?;
        Ok(page.items.unwrap_or_default())
    }
}
