//! Conversations: their published messages and states, in the order of time. They are kept as long as the log.

use aws_sdk_dynamodb::types::AttributeValue;
use domain::time::{SECONDS_A_DAY, Timestamp};
use domain::{AgentId, Conversation, Event, EventId, Message, Tenant};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::keys::FirstPosition;
use super::{ITEM_VERSION, Item, Store, StoreError, from_item, keys, text, to_item};

#[derive(Serialize, Deserialize)]
struct MessageItem {
    #[serde(flatten)]
    key: ItemKey,
    #[serde(flatten)]
    message: Message,
}

#[derive(Serialize, Deserialize)]
struct StateItem {
    #[serde(flatten)]
    key: ItemKey,
    /// JSON.
    state: String,
}

#[derive(Serialize, Deserialize)]
struct ItemKey {
    pk: String,
    sk: String,
    v: u8,
    /// Unix seconds. DynamoDB removes the item after this time.
    expires_at: i64,
}

impl Store {
    /// Stores the message and the state that `event` adds to its conversation. An event that adds neither is stored as
    /// a link, so that a conversation leads to all of its events. A repeat of an event with a client id has the position
    /// of the first publication, and is stored once. Nothing is stored if the event has no conversation.
    ///
    /// # Errors
    /// Where DynamoDB does not take the write.
    pub async fn remember(&self, tenant: &Tenant, event: &Event, message: Option<Message>) -> Result<(), StoreError> {
        let Some(conversation) = &event.conversation_id else { return Ok(()) };
        let (agent, position) = (event.agent_id.as_ref(), FirstPosition::of(event));
        if message.is_none() && event.conversation_state.is_none() {
            let pk = keys::conversation_events(tenant, agent, conversation);
            return self.put_in_log(to_item(&self.item_key(pk, keys::accepted(&event.id, position), event))?).await;
        }
        if let Some(message) = message {
            let pk = keys::messages(tenant, agent, conversation);
            let key = self.item_key(pk, keys::message(&event.id, position), event);
            self.put_in_log(to_item(&MessageItem { key, message })?).await?;
        }
        if let Some(state) = &event.conversation_state {
            let pk = keys::states(tenant, agent, conversation);
            let key = self.item_key(pk, keys::accepted(&event.id, position), event);
            self.put_in_log(to_item(&StateItem { key, state: state.get().to_owned() })?).await?;
        }
        Ok(())
    }

    /// Adds a conversation to the list of its agent's conversations. The list keeps it a day longer than the messages
    /// that are stored until tomorrow.
    ///
    /// # Errors
    /// Where DynamoDB does not take the write.
    pub async fn list_conversation(
        &self,
        tenant: &Tenant,
        agent: Option<&AgentId>,
        conversation: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let expires_at = self.expires_at(now) + 2 * SECONDS_A_DAY;
        let (pk, sk) = (keys::conversations(tenant, agent), conversation.to_owned());
        self.put_in_log(to_item(&ItemKey { pk, sk, v: ITEM_VERSION, expires_at })?).await
    }

    fn item_key(&self, pk: String, sk: String, event: &Event) -> ItemKey {
        ItemKey { pk, sk, v: ITEM_VERSION, expires_at: self.expires_at(event.accepted_at) }
    }

    /// Writes an item of the log table.
    pub(super) async fn put_in_log(&self, item: Item) -> Result<(), StoreError> {
        self.client.put_item().table_name(&self.log_table).set_item(Some(item)).send().await?;
        Ok(())
    }

    /// The conversation of `event` as it was before the event, with at most `messages_max` messages. Empty if the event
    /// has no conversation.
    ///
    /// # Errors
    /// Where DynamoDB cannot be read.
    pub async fn conversation(
        &self,
        tenant: &Tenant,
        event: &Event,
        messages_max: u8,
    ) -> Result<Conversation, StoreError> {
        let Some(id) = &event.conversation_id else { return Ok(Conversation::default()) };
        let (agent, own) = (event.agent_id.as_ref(), FirstPosition::of(event));
        let mut messages: Vec<Message> = Vec::new();
        if messages_max > 0 {
            let (partition, own) = (keys::messages(tenant, agent, id), keys::message(&event.id, own));
            for item in self.before(partition, own, &event.id, messages_max).await? {
                messages.push(from_item::<MessageItem>(item)?.message);
            }
            messages.reverse();
        }
        let (partition, own) = (keys::states(tenant, agent, id), keys::accepted(&event.id, own));
        let states = self.before(partition, own, &event.id, 1).await?;
        let state = states.into_iter().next().map(from_item::<StateItem>).transpose()?;
        let state = state.and_then(|item| RawValue::from_string(item.state).ok());
        Ok(Conversation { messages, state })
    }

    /// At most `limit` items of a partition of the log table before `sk`, latest first. Items that `event` itself added
    /// are left out: if the event is a repeat, they are at an earlier position. The items are short, so one page of a
    /// query holds them.
    async fn before(&self, pk: String, sk: String, event: &EventId, limit: u8) -> Result<Vec<Item>, StoreError> {
        let page = self
            .client
            .query()
            .table_name(&self.log_table)
            .key_condition_expression("pk = :partition AND sk < :own")
            .expression_attribute_values(":partition", text(pk))
            .expression_attribute_values(":own", AttributeValue::S(sk))
            .scan_index_forward(false)
            .limit(i32::from(limit) + 1)
            .consistent_read(true)
            .send()
            .await?;
        let is_own = |sk: &AttributeValue| sk.as_s().is_ok_and(|sk| sk.ends_with(event.as_str()));
        let items = page.items.unwrap_or_default().into_iter().filter(|item| !item.get("sk").is_some_and(is_own));
        Ok(items.take(limit.into()).collect())
    }
}
