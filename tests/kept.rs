//! The log keeps every event with its data and its recipients, and every delivery with its attempts and its bytes.

use anyhow::{Context, Result};
use clients::store::Store;
use clients::store::events::KeptEvent;
use domain::{AgentId, Delivery, DeliveryId, EventId, Tenant, WebhookId};
use serde_json::{Value, json};

use crate::receiver::{Received, Receiver, Step};
use crate::stack::{AGENT, Api, OTHER_AGENT};

/// An event of 600 bytes, as platforms publish it.
fn call_completed(n: usize) -> Value {
    let summary = "The caller asked to move the appointment from Tuesday to the week after next, because the new \
                   machine is delivered then. The agent offered three times, and they agreed on Thursday at half past \
                   nine. A technician comes with the spare part number 48-1130. The caller also wants the invoice of \
                   March again, by e-mail to the address on file.";
    json!({
        "type": "call.completed", "agent_id": AGENT, "channel": "voice",
        "data": { "n": n, "callId": "call_0123456789", "status": "completed", "summary": summary, "durationSeconds": 184 },
    })
}

async fn start() -> Result<(Api, Store, Tenant)> {
    let api = Api::unswept().await?;
    let (store, [tenant, _]) = (api.store().await?, local::demo::tenants());
    Ok((api, store, tenant))
}

/// The delivery that a request carried, from the log.
async fn delivery_of(store: &Store, tenant: &Tenant, received: &Received) -> Result<Delivery> {
    let id = DeliveryId::parse(received.header("webhook-id"))?;
    Ok(store.delivery_by_id(tenant, &id).await?.with_context(|| format!("{id} is in the log"))?.delivery)
}

/// The bytes that the log would send again for a request.
async fn kept_body(store: &Store, tenant: &Tenant, received: &Received) -> Result<Option<String>> {
    let id = DeliveryId::parse(received.header("webhook-id"))?;
    let stored = store.delivery_by_id(tenant, &id).await?.context("logged")?;
    let Some(request) = stored.request else { return Ok(None) };
    Ok(store.sent_again(&stored.delivery, request).await?.map(|again| again.body))
}

async fn event(store: &Store, tenant: &Tenant, id: &str) -> Result<KeptEvent> {
    store.event(tenant, &EventId::parse(id)?).await?.with_context(|| format!("{id} is stored"))
}

/// Sets a webhook of each dialect, for the same agent or its project.
async fn set_webhooks(api: &Api, receiver: &Receiver) -> Result<()> {
    api.post("/agentline/v1/webhooks", &json!({ "url": receiver.url("/agentline"), "agent_id": OTHER_AGENT })).await?;
    api.set_webhook(AGENT, &receiver.url("/agentphone")).await?;
    for agent in [AGENT, OTHER_AGENT] {
        let body = json!({
            "name": "All", "webhook_url": receiver.url("/talkover"), "events": ["event_phone_call_ended", "event_conversation_ended"],
            "payload_templates": { "event_conversation_ended": { "text": "{{message}}" } },
        });
        let set = api.post(&format!("/talkover/api/v1/agents/{agent}/webhooks"), &body).await?;
        assert_eq!(set.status, 201, "{}", set.body);
    }
    let casey = json!({ "url": receiver.url("/casey"), "event_types": ["call.completed"] });
    assert_eq!(api.post("/casey/v1/backend/webhooks", &casey).await?.status, 201);
    Ok(())
}

#[tokio::test]
async fn the_bytes_of_every_delivery_are_kept_in_every_dialect_by_both_ways() -> Result<()> {
    let ((api, store, tenant), receiver) = (start().await?, Receiver::start(&[]).await?);
    set_webhooks(&api, &receiver).await?;
    let of = |agent: &str, n| {
        let mut event = call_completed(n);
        event["agent_id"] = json!(agent);
        event
    };
    api.publish(&of(AGENT, 0)).await?;
    api.publish(&of(OTHER_AGENT, 1)).await?;
    let message = |n: usize| {
        json!({
            "type": "message.received", "agent_id": AGENT, "channel": "sms", "conversation_id": "c",
            "conversation_state": { "step": n }, "data": { "message": "Hello. ".repeat(150), "n": n },
        })
    };
    for n in 2..5 {
        api.publish(&message(n)).await?;
    }
    api.publish(&json!({ "type": "conversation.completed", "agent_id": OTHER_AGENT, "data": { "message": "é\"" } }))
        .await?;
    // Too many deliveries for the short way.
    let many: Vec<Value> = (5..17).map(|n| of(AGENT, n)).collect();
    api.post("/v1/events", &json!({ "events": many })).await?;
    api.idle().await?;
    let all = receiver.received();
    for path in ["/agentline", "/agentphone", "/talkover", "/casey"] {
        assert!(all.iter().any(|received| received.path == path), "{path}");
    }
    for received in &all {
        let kept = kept_body(&store, &tenant, received).await?;
        assert_eq!(kept.as_deref(), Some(str::from_utf8(&received.body)?), "{}", received.path);
    }
    Ok(())
}

#[tokio::test]
async fn a_delivery_keeps_all_of_its_attempts() -> Result<()> {
    let api = Api::with(&[("RETRY_SCHEDULE", "0s,0s")]).await?;
    let (store, [tenant, _]) = (api.store().await?, local::demo::tenants());
    let receiver = Receiver::start(&[Step::Status(500), Step::Status(503), Step::Status(200)]).await?;
    api.set_webhook(AGENT, &receiver.url("/")).await?;
    api.publish(&call_completed(1)).await?;
    receiver.wait_for(3).await?;
    api.idle().await?;
    let delivery = delivery_of(&store, &tenant, &receiver.received()[0]).await?;
    let attempts: Vec<_> = delivery.attempts.iter().map(|attempt| (attempt.number, attempt.http_status)).collect();
    assert_eq!(attempts, [(1, Some(500)), (2, Some(503)), (3, Some(200))]);
    assert_eq!(delivery.attempts[0].error.as_deref(), Some("The endpoint answered 500."));
    assert_eq!(delivery.attempts[2].error, None);
    assert!(delivery.attempts.is_sorted_by_key(|attempt| attempt.at));
    for received in receiver.received() {
        let kept = kept_body(&store, &tenant, &received).await?;
        assert_eq!(kept.as_deref(), Some(str::from_utf8(&received.body)?));
    }
    Ok(())
}

#[tokio::test]
async fn an_event_is_found_by_its_id_and_by_the_platforms_own_with_its_data_and_deliveries() -> Result<()> {
    let ((api, store, tenant), receiver) = (start().await?, Receiver::start(&[]).await?);
    let [_, live] = local::demo::tenants();
    api.set_webhook(AGENT, &receiver.url("/")).await?;
    let raw = r#"{"type":"n","agent_id":"AGENT","id":"order-1","occurred_at":"2026-01-02T03:04:05.678Z","data":{"b": 1.10, "a":[ ]}}"#;
    let with_client_id = api.publish(&serde_json::from_str::<Value>(&raw.replace("AGENT", AGENT))?).await?;
    let own =
        api.send(http::Method::POST, "/v1/events", raw.replace("AGENT", AGENT).replace("order-1", "order-2")).await?;
    let packed: Vec<Value> = (0..3).map(call_completed).collect();
    let packed = api.post("/v1/events", &json!({ "events": packed })).await?.body;
    let nobodys = api.publish(&json!({ "type": "n", "agent_id": OTHER_AGENT, "data": {} })).await?;
    api.idle().await?;
    let found = event(&store, &tenant, own.body["id"].as_str().context("an id")?).await?;
    assert_eq!(found.data.as_deref(), Some(r#"{"b": 1.10, "a":[ ]}"#), "byte for byte");
    assert_eq!((found.client_id.as_deref(), found.occurred_at.millis()), (Some("order-2"), 1_767_323_045_678));
    let by_client_id = store.event(&tenant, &EventId::from_client_id(&tenant, "order-1")).await?.context("found")?;
    assert_eq!(by_client_id.id.as_str(), with_client_id);
    for (n, id) in packed["events"].as_array().context("ids")?.iter().enumerate() {
        let found = event(&store, &tenant, id["id"].as_str().context("an id")?).await?;
        assert_eq!(found.data.as_deref(), Some(call_completed(n)["data"].to_string().as_str()));
        let [(_, delivery)] = found.deliveries().try_into().unwrap();
        let delivery = store.delivery_by_id(&tenant, &delivery).await?.context("delivered")?.delivery;
        assert_eq!((delivery.event_id, delivery.agent_id), (found.id.clone(), found.agent_id));
        assert_eq!(store.event(&live, &found.id).await?, None, "another environment's");
    }
    assert_eq!(event(&store, &tenant, &nobodys).await?.recipients, Some(Vec::new()));
    Ok(())
}

#[tokio::test]
async fn an_event_that_a_platform_put_into_the_queue_is_found_too() -> Result<()> {
    let ((api, store, tenant), receiver) = (start().await?, Receiver::start(&[]).await?);
    api.set_webhook(AGENT, &receiver.url("/")).await?;
    let events: Vec<Value> = (0..12).map(call_completed).collect();
    api.enqueue("EventsQueue", &json!({ "v": 1, "tenant": tenant, "events": events }).to_string()).await?;
    receiver.wait_for(12).await?;
    api.idle().await?;
    for received in receiver.received() {
        let delivery = delivery_of(&store, &tenant, &received).await?;
        let found = store.event(&tenant, &delivery.event_id).await?.context("stored")?;
        assert_eq!(found.data.as_deref(), Some(received.json()["data"].to_string().as_str()));
    }
    Ok(())
}

/// An event with a client id has an item of its own, so its message's pack lacks one index.
#[tokio::test]
async fn the_events_of_a_mixed_message_keep_their_own_data() -> Result<()> {
    let ((api, store, tenant), receiver) = (start().await?, Receiver::start(&[]).await?);
    api.set_webhook(AGENT, &receiver.url("/")).await?;
    let mut events: Vec<Value> = (0..4).map(call_completed).collect();
    events[0]["id"] = json!("order-1");
    events[2]["id"] = json!("order-2");
    api.enqueue("EventsQueue", &json!({ "v": 1, "tenant": tenant, "events": events }).to_string()).await?;
    receiver.wait_for(4).await?;
    api.idle().await?;
    for received in receiver.received() {
        let kept = kept_body(&store, &tenant, &received).await?;
        assert_eq!(kept.as_deref(), Some(str::from_utf8(&received.body)?));
        let delivery = delivery_of(&store, &tenant, &received).await?;
        let found = store.event(&tenant, &delivery.event_id).await?.context("stored")?;
        assert_eq!(found.data.as_deref(), Some(received.json()["data"].to_string().as_str()));
    }
    Ok(())
}

/// After a day, a client id is free. Its first event may still have deliveries that wait.
#[tokio::test]
async fn a_client_id_that_is_used_again_changes_no_byte_of_an_earlier_delivery() -> Result<()> {
    let ((api, store, tenant), receiver) = (start().await?, Receiver::start(&[]).await?);
    api.set_webhook(AGENT, &receiver.url("/")).await?;
    let mut first = call_completed(1);
    first["id"] = json!("order-1");
    api.publish(&first).await?;
    api.idle().await?;
    let received = receiver.received().pop().context("delivered")?;
    let dynamodb = aws_sdk_dynamodb::Client::new(&local::aws::config(&api.stack.stores_url).await);
    let text = |text: String| aws_sdk_dynamodb::types::AttributeValue::S(text);
    let event_id = EventId::from_client_id(&tenant, "order-1");
    let free = dynamodb.update_item().table_name("LogTable").key("pk", text(format!("demo#test#event#{event_id}")));
    let free = free.key("sk", text("claim".to_owned())).update_expression("SET repeat_until = :past");
    free.expression_attribute_values(":past", aws_sdk_dynamodb::types::AttributeValue::N("1".to_owned()))
        .send()
        .await?;
    first["data"] = json!({ "other": true });
    api.publish(&first).await?;
    api.idle().await?;
    let kept = kept_body(&store, &tenant, &received).await?;
    assert_eq!(kept.as_deref(), Some(str::from_utf8(&received.body)?));
    Ok(())
}

#[tokio::test]
async fn with_keep_bodies_failed_a_success_keeps_no_bytes_and_a_failure_does() -> Result<()> {
    let api = Api::with(&[("KEEP_BODIES", "failed"), ("RETRY_SCHEDULE", "")]).await?;
    let (store, [tenant, _]) = (api.app.store.clone(), local::demo::tenants());
    let receiver = Receiver::start(&[Step::Status(200), Step::Status(500), Step::Status(500)]).await?;
    api.set_webhook(AGENT, &receiver.url("/")).await?;
    let long = json!({ "type": "n", "agent_id": AGENT, "data": { "text": "long ".repeat(500) } });
    for event in [call_completed(1), call_completed(2), long] {
        api.publish(&event).await?;
        api.idle().await?;
    }
    let [succeeded, failed, long] = receiver.received().try_into().unwrap();
    assert_eq!(kept_body(&store, &tenant, &succeeded).await?, None);
    for received in [failed, long] {
        let kept = kept_body(&store, &tenant, &received).await?;
        assert_eq!(kept.as_deref(), Some(str::from_utf8(&received.body)?));
    }
    let delivery = delivery_of(&store, &tenant, &succeeded).await?;
    let found = store.event(&tenant, &delivery.event_id).await?.context("the event is found all the same")?;
    assert_eq!((found.data, found.event_type.as_str()), (None, "call.completed"));
    Ok(())
}

/// DynamoDB's size of an item, in bytes, without numbers' exact lengths: they count as their digits.
fn size(item: &std::collections::HashMap<String, aws_sdk_dynamodb::types::AttributeValue>) -> usize {
    use aws_sdk_dynamodb::types::AttributeValue as Value;
    #[allow(clippy::wildcard_enum_match_arm, reason = "the store writes no other types")]
    fn of(value: &Value) -> usize {
        match value {
            Value::S(text) | Value::N(text) => text.len(),
            Value::B(bytes) => bytes.as_ref().len(),
            Value::L(items) => 3 + items.iter().map(|item| of(item) + 1).sum::<usize>(),
            Value::M(members) => 3 + members.iter().map(|(name, value)| name.len() + of(value) + 1).sum::<usize>(),
            other => panic!("{other:?}"),
        }
    }
    item.iter().map(|(name, value)| name.len() + of(value)).sum()
}

/// A write costs a unit for each started KB.
#[tokio::test]
async fn the_log_entry_of_a_success_fits_into_one_write_unit_in_every_dialect() -> Result<()> {
    let ((api, _store, _), receiver) = (start().await?, Receiver::start(&[]).await?);
    set_webhooks(&api, &receiver).await?;
    for agent in [AGENT, OTHER_AGENT] {
        let mut event = call_completed(1);
        event["agent_id"] = json!(agent);
        event["conversation_id"] = json!("conv_0123456789abcdef");
        api.publish(&event).await?;
    }
    api.idle().await?;
    let dynamodb = aws_sdk_dynamodb::Client::new(&local::aws::config(&api.stack.stores_url).await);
    let items = dynamodb.scan().table_name("LogTable").send().await?.items.unwrap_or_default();
    let mut sizes: Vec<_> = items
        .iter()
        .filter(|item| item["pk"].as_s().is_ok_and(|pk| pk.contains("#log#")))
        .map(|item| (size(item), item["dialect"].as_s().cloned().unwrap_or_default()))
        .collect();
    sizes.sort();
    assert_eq!(sizes.len(), receiver.received().len());
    assert!(sizes.iter().all(|(bytes, _)| *bytes <= 600), "{sizes:?}");
    Ok(())
}

#[tokio::test]
async fn a_webhook_is_found_by_its_id_at_once_and_not_after_it_is_deleted() -> Result<()> {
    let (api, store, tenant) = start().await?;
    let [_, live] = local::demo::tenants();
    let primary = api.set_webhook(AGENT, "https://a.example").await?;
    let casey = json!({ "url": "https://c.example", "event_types": ["call.completed"] });
    let casey = api.post("/casey/v1/backend/webhooks", &casey).await?.body["data"].clone();
    let talkover = json!({ "name": "T", "webhook_url": "https://t.example", "events": ["event_phone_call_ended"] });
    let talkovers = format!("/talkover/api/v1/agents/{OTHER_AGENT}/webhooks");
    let talkover = api.post(&talkovers, &talkover).await?.body["data"].clone();
    let mut ids = Vec::new();
    for (made, url) in
        [(&primary, "https://a.example"), (&casey, "https://c.example"), (&talkover, "https://t.example")]
    {
        let id = WebhookId::parse(made["id"].as_str().with_context(|| made.to_string())?)?;
        let found = store.webhook_by_id(&tenant, &id).await?.context("found at once")?;
        assert_eq!(found.url, url);
        assert_eq!(store.webhook_by_id(&live, &id).await?, None, "of another environment");
        ids.push(id);
    }
    api.delete(&format!("/agentphone/v1/agents/{AGENT}/webhook")).await?;
    assert!(store.delete_agent(&tenant, &AgentId::parse(OTHER_AGENT)?).await?);
    let [primary, casey, talkover] = ids.try_into().unwrap();
    assert_eq!(store.webhook_by_id(&tenant, &primary).await?, None);
    assert_eq!(store.webhook_by_id(&tenant, &talkover).await?, None);
    assert!(store.webhook_by_id(&tenant, &casey).await?.is_some());
    let dynamodb = aws_sdk_dynamodb::Client::new(&local::aws::config(&api.stack.stores_url).await);
    let items = dynamodb.scan().table_name("ConfigTable").send().await?.items.unwrap_or_default();
    let pointers = items.iter().filter(|item| item["sk"].as_s().is_ok_and(|sk| sk == "pointer")).count();
    assert_eq!(pointers, 1, "no pointer is left behind");
    Ok(())
}

/// A webhook of release 0.1.0 has no pointer.
#[tokio::test]
async fn a_webhook_without_a_pointer_is_found_by_the_index() -> Result<()> {
    let (api, store, tenant) = start().await?;
    let made = api.set_webhook(AGENT, "https://a.example").await?;
    let id = WebhookId::parse(made["id"].as_str().context("an id")?)?;
    let dynamodb = aws_sdk_dynamodb::Client::new(&local::aws::config(&api.stack.stores_url).await);
    let key = |text: &str| aws_sdk_dynamodb::types::AttributeValue::S(text.to_owned());
    let delete = dynamodb.delete_item().table_name("ConfigTable").key("pk", key(&format!("demo#test#webhook#{id}")));
    delete.key("sk", key("pointer")).send().await?;
    assert_eq!(store.webhook_by_id(&tenant, &id).await?.context("found")?.url, "https://a.example");
    Ok(())
}

/// Erasing needs this: an agent leads to its conversations, and a conversation to all of its events.
#[tokio::test]
async fn an_agents_conversations_are_listed_and_each_event_of_a_conversation_has_an_item() -> Result<()> {
    let (api, _store, _) = start().await?;
    let of = |conversation: &str, kind: &str| json!({ "type": kind, "agent_id": AGENT, "conversation_id": conversation, "data": { "message": "m" } });
    let ids = [
        api.publish(&of("a#b", "message.received")).await?,
        api.publish(&of("a#b", "call.completed")).await?,
        api.publish(&of("c", "call.completed")).await?,
    ];
    api.idle().await?;
    let dynamodb = aws_sdk_dynamodb::Client::new(&local::aws::config(&api.stack.stores_url).await);
    let items = dynamodb.scan().table_name("LogTable").send().await?.items.unwrap_or_default();
    let keys: Vec<(String, String)> =
        items.iter().map(|item| (item["pk"].as_s().unwrap().clone(), item["sk"].as_s().unwrap().clone())).collect();
    let mut conversations: Vec<&str> = keys
        .iter()
        .filter(|(pk, _)| *pk == format!("demo#test#conversations#{AGENT}"))
        .map(|(_, sk)| sk.as_str())
        .collect();
    conversations.sort_unstable();
    assert_eq!(conversations, ["a#b", "c"]);
    for id in ids {
        let has_item = keys.iter().any(|(pk, sk)| {
            (pk.contains("#messages#") || pk.contains("#conversation#")) && sk.ends_with(&format!("#{id}"))
        });
        assert!(has_item, "{id}");
    }
    Ok(())
}
