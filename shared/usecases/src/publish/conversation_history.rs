//! Keeps the messages and states of conversations, and reads a conversation for its deliveries.

use clients::queue::messages::UNSENDABLE;
use clients::store::StoreError;
use domain::event_types;
use domain::{Conversation, Event, Message, Tenant, Webhook};
use futures::future::try_join_all;
use rules::routing::Decision;
use serde_json::Value;

use crate::app::App;
use crate::internal_error::InternalError;

/// The longest part of a message that is kept, in bytes of JSON.
pub const CONTENT_BYTES_MAX: usize = 4096;
/// The most history in one delivery, in bytes of JSON. Together with the largest event and state, it has to fit into
/// one DynamoDB item of the log.
pub const HISTORY_BYTES_MAX: usize = 64 * 1024;
/// The bytes of a message besides its texts: field names, quotes and its time.
const NAMES_BYTES: usize = 100;
/// The longest `direction`, in characters.
const DIRECTION_CHARS_MAX: usize = 64;

/// Keeps the message and the state of each event that has a conversation. Publishing calls it before it queues the
/// events, so that a later event finds them. For events that a platform put into the queue directly, `fan_out` calls
/// it.
///
/// # Errors
/// Where the store fails.
pub(crate) async fn store_messages(
    app: &App,
    tenant: &Tenant,
    events: impl IntoIterator<Item = &Event>,
) -> Result<(), InternalError> {
    let of_conversations = events.into_iter().filter(|event| event.conversation_id.is_some());
    try_join_all(of_conversations.map(async |event| {
        list_conversation(app, tenant, event).await?;
        app.store.remember(tenant, event, message(app, event)).await
    }))
    .await?;
    Ok(())
}

/// Adds the event's conversation to its agent's list, unless this process has just done so.
async fn list_conversation(app: &App, tenant: &Tenant, event: &Event) -> Result<(), StoreError> {
    let Some(conversation) = &event.conversation_id else { return Ok(()) };
    let (agent, now) = (event.agent_id.clone(), app.clock.now());
    let key = (tenant.clone(), agent.clone(), conversation.clone());
    if app.listed_conversations.get(&key, now).is_none() {
        app.store.list_conversation(tenant, agent.as_ref(), conversation, now).await?;
        app.listed_conversations.insert(key, (), now, now);
    }
    Ok(())
}

/// The conversation before `event`. It is empty if no recipient's dialect uses conversations.
///
/// # Errors
/// Where the store fails.
pub(crate) async fn history_before(
    app: &App,
    tenant: &Tenant,
    event: &Event,
    decided: &[(Webhook, Decision)],
) -> Result<Conversation, InternalError> {
    let uses_conversation =
        |webhook: &Webhook| app.dialects.by_name(&webhook.dialect).is_some_and(|dialect| dialect.uses_conversation);
    let receiving =
        decided.iter().filter(|(webhook, decision)| *decision == Decision::Deliver && uses_conversation(webhook));
    let Some(limit) = receiving.map(|(webhook, _)| webhook.history_limit).max() else {
        return Ok(Conversation::default());
    };
    let mut conversation = app.store.conversation(tenant, event, limit).await?;
    let mut bytes = 0;
    let fit = conversation.messages.iter().rev().take_while(|message| {
        let channel = message.channel.as_deref().unwrap_or_default();
        bytes += json_bytes(&message.content) + json_bytes(&message.direction) + json_bytes(channel) + NAMES_BYTES;
        bytes <= HISTORY_BYTES_MAX
    });
    let too_old = conversation.messages.len() - fit.count();
    conversation.messages.drain(..too_old);
    Ok(conversation)
}

/// The message that an event carries; `None` for an event of any other type.
fn message(app: &App, event: &Event) -> Option<Message> {
    if app.dialects.native_name(&event.event_type) != event_types::MESSAGE_RECEIVED {
        return None;
    }
    let Ok(Value::Object(data)) = serde_json::from_str(event.data.get()) else { return None };
    let text = |name: &str| data.get(name).and_then(Value::as_str);
    Some(Message {
        content: cut(text("message").or_else(|| text("transcript")).unwrap_or_default()),
        direction: text("direction").unwrap_or("inbound").chars().take(DIRECTION_CHARS_MAX).collect(),
        channel: event.channel.clone(),
        at: event.occurred_at,
    })
}

/// The beginning of `content`, up to the limit of a kept message.
fn cut(content: &str) -> String {
    let mut bytes = 0;
    let fit = content.chars().take_while(|character| {
        bytes += json_bytes(character.encode_utf8(&mut [0; 4]));
        bytes <= CONTENT_BYTES_MAX
    });
    fit.collect()
}

/// The length of `text` as JSON in a queue message, without its quotes.
fn json_bytes(text: &str) -> usize {
    let escapes = text.matches(UNSENDABLE).count();
    Value::from(text).to_string().len() - 2 + 3 * escapes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_message_is_remembered_up_to_its_limit() {
        assert_eq!(cut("short"), "short");
        assert_eq!(cut(&"x".repeat(5000)).len(), 4096);
        assert_eq!(cut(&"\u{1}".repeat(5000)).len(), 4096 / 6, "what grows in JSON counts as it is there");
        assert_eq!(cut(&"🦀".repeat(5000)).chars().count(), 1024, "no character is cut in two");
    }
}
