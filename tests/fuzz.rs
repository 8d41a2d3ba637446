//! Random requests and messages cause no panic, no 5xx, and no answer that outgrows its request.

use std::panic::AssertUnwindSafe;

use anyhow::Result;
use aws_lambda_events::event::sqs::SqsEvent;
use functions::function;
use functions::lambda::invoke_queue;
use functions::pipeline;
use futures::FutureExt;
use http::Method;
use local::template::{Template, Trigger};
use proptest::prelude::*;
use proptest::test_runner::{TestCaseError, TestRunner};
use serde_json::{Map, Value, json};

use crate::promises::{is_long, print_row, random};
use crate::receiver::Receiver;
use crate::stack::{AGENT, Api, OTHER_AGENT};

/// Names of fields in the bodies of calls.
const NAMES: [&str; 34] = [
    "url",
    "agent_id",
    "secret",
    "signature_header",
    "contextLimit",
    "timeout",
    "from",
    "to",
    "message",
    "channel",
    "name",
    "webhook_url",
    "webhook_secret",
    "events",
    "max_retries",
    "enabled",
    "http_method",
    "authorization_scheme",
    "authorization_credentials",
    "custom_headers",
    "payload_templates",
    "token",
    "username",
    "password",
    "header",
    "value",
    "key",
    "description",
    "event_types",
    "type",
    "data",
    "id",
    "occurred_at",
    "conversation_id",
];

/// Texts that have a meaning in some field.
const TEXTS: [&str; 20] = [
    "",
    " ",
    "https://a.example",
    "http://[::1",
    "agt_abc123",
    "event_action",
    "call.completed",
    "bearer",
    "basic",
    "api_key",
    "custom",
    "PUT",
    "{{call.id}}",
    "{{",
    "}}",
    "{{a[0].b}}",
    "X-Own",
    "Host",
    "2025-01-15T11:00:00Z",
    "9223372036854775808",
];

fn texts() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => prop::sample::select(TEXTS.to_vec()).prop_map(str::to_owned),
        1 => "\\PC{0,40}",
        1 => "[\\u{0}-\\u{ffff}]{0,10}",
        1 => (0..5000_usize).prop_map(|length| "x".repeat(length)),
    ]
}

/// JSON that resembles the body of some call.
fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-10..200_i64).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        texts().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 8, |inner| {
        let names = prop_oneof![4 => prop::sample::select(NAMES.to_vec()).prop_map(str::to_owned), 1 => texts()];
        prop_oneof![
            2 => prop::collection::vec((names, inner.clone()), 0..8)
                .prop_map(|members| Value::Object(members.into_iter().collect::<Map<_, _>>())),
            1 => prop::collection::vec(inner, 0..6).prop_map(Value::from),
        ]
    })
}

/// A request body: mostly JSON, sometimes cut off, with a changed byte, or of random bytes.
fn bodies() -> impl Strategy<Value = Vec<u8>> {
    let json = values().prop_map(|value| value.to_string().into_bytes()).boxed();
    prop_oneof![
        6 => json.clone(),
        1 => (json.clone(), any::<prop::sample::Index>()).prop_map(|(mut body, at)| {
            body.truncate(at.index(body.len() + 1));
            body
        }),
        1 => (json, any::<prop::sample::Index>(), any::<u8>()).prop_map(|(mut body, at, byte)| {
            if !body.is_empty() {
                let at = at.index(body.len());
                body[at] = byte;
            }
            body
        }),
        1 => prop::collection::vec(any::<u8>(), 0..64),
    ]
}

fn check_random_cases<S: Strategy>(
    test: &str,
    cases: u32,
    seeds_file: &'static str,
    strategy: S,
    check: impl Fn(S::Value) -> Result<(), TestCaseError>,
) {
    let cases = if is_long() { cases * 20 } else { cases };
    if let Err(error) = TestRunner::new(random(cases, seeds_file)).run(&strategy, check) {
        panic!("{error}");
    }
    print_row(test, &format!("{cases} cases"), None);
}

#[test]
fn no_request_breaks_a_call() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let api = runtime.block_on(Api::unswept()).unwrap();
    let template = Template::built_in().unwrap();
    let triggers = template.functions.values().flat_map(|function| &function.triggers);
    let routes: Vec<(Method, String)> = triggers
        .filter_map(|trigger| match trigger {
            // A test call sends a request to the random URL that was set, which is not under test.
            Trigger::Route { method, path } if !path.ends_with("/test") => {
                Some((method.parse().unwrap(), path.clone()))
            }
            Trigger::Route { .. } | Trigger::Queue { .. } | Trigger::Schedule { .. } => None,
        })
        .collect();
    let agents = prop::sample::select(vec![AGENT, OTHER_AGENT, "agt_nobody", "%00", "a%2Fb"]);
    let queries = prop_oneof![
        3 => Just(String::new()),
        1 => (prop::sample::select(vec!["limit", "offset", "hours", "agent_id", "cursor"]), "[a-z0-9%=.+-]{0,12}")
            .prop_map(|(name, value)| format!("?{name}={}", value.replace('%', "%25"))),
    ];
    check_random_cases(
        "sends any request to any call",
        400,
        "seeds/requests.txt",
        (prop::sample::select(routes), agents, queries, bodies()),
        |((method, path), agent, query, body)| {
            let path = path.replace("{agent_id}", agent).replace("{webhook_id}", "wh_0").replace("{id}", "wh_0");
            let sent = body.len();
            let answer = runtime
                .block_on(api.send(method.clone(), &format!("{path}{query}"), body))
                .map_err(|error| TestCaseError::fail(format!("{method} {path}{query}: {error:#}")))?;
            prop_assert!(answer.status < 500, "{method} {path}{query}: {}", answer.status);
            if answer.status >= 400 {
                let answered = answer.body.to_string().len();
                prop_assert!(answered <= 6 * sent + 4096, "{answered} bytes for {sent}: {method} {path}");
            }
            Ok(())
        },
    );
}

/// A valid delivery message for the agent's webhook.
fn delivery_message(webhook: &Value) -> Value {
    let tenant = json!({ "project": "demo", "environment": "test" });
    let id = &webhook["id"];
    json!({
        "v": 1,
        "key": {
            "scope": tenant, "webhook_id": id, "shard": 0, "created_at": 1_795_232_872_000_u64,
            "id": "del_bbb6ca38166ca5276b3aaefb59ffbd11",
        },
        "webhook": { "id": id, "owner": { "agent": AGENT }, "place": "slot" },
        "event_id": "evt_01a1fc37b66c73c7963493946979bbd8",
        "event_type": "agent.message",
        "attempt": 1,
        "due_at": 0,
        "scheme": "standard",
        "headers": [["x-webhook-event", "agent.message"]],
        "body": { "n": 1 },
    })
}

#[test]
fn no_queue_message_breaks_a_function() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let api = runtime.block_on(Api::unswept()).unwrap();
    let app = api.app.clone();
    let receiver = runtime.block_on(Receiver::start(&[])).unwrap();
    let webhook = runtime.block_on(api.set_webhook(AGENT, &receiver.url("/"))).unwrap();
    let delivery = delivery_message(&webhook);
    runtime.block_on(api.enqueue("DeliveriesQueue", &delivery.to_string())).unwrap();
    runtime.block_on(receiver.wait_for(1)).unwrap();
    let names: Vec<String> = delivery.as_object().unwrap().keys().cloned().collect();
    let envelopes = prop_oneof![
        2 => (prop::sample::select(names), values()).prop_map(move |(name, value)| {
            let mut delivery = delivery.clone();
            delivery[name] = value;
            delivery.to_string()
        }),
        1 => bodies().prop_map(|body| String::from_utf8_lossy(&body).into_owned()),
        2 => (values(), values()).prop_map(|(event, extra)| {
            let tenant = json!({ "project": "demo", "environment": "test" });
            json!({ "v": 1, "scope": tenant, "events": [event], "ids": null, "positions": extra }).to_string()
        }),
        2 => values().prop_map(|data| {
            let tenant = json!({ "project": "demo", "environment": "test" });
            let event = json!({ "type": "a", "agent_id": AGENT, "conversation_id": "c", "data": { "message": data } });
            json!({ "v": 1, "scope": tenant, "events": [event] }).to_string()
        }),
    ];
    check_random_cases("puts any message into a queue", 150, "seeds/messages.txt", envelopes, |body| {
        let record = json!({ "messageId": "m-1", "body": body, "attributes": { "SentTimestamp": "1" } });
        for function in [pipeline::fan_out::FUNCTION, pipeline::deliver::FUNCTION] {
            let function::Trigger::Queues(_, handler) = function.trigger else { continue };
            let event: SqsEvent = serde_json::from_value(json!({ "Records": [record] })).unwrap();
            let outcome = runtime.block_on(AssertUnwindSafe(invoke_queue(&app, handler, event)).catch_unwind());
            prop_assert!(outcome.is_ok(), "{} panicked", function.name);
        }
        Ok(())
    });
}
