//! Over random webhooks and deletions, each event reaches the webhooks that a model predicts. The model is written from
//! the documents of the four platforms, and shares nothing with the code.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use domain::{AgentId, Owner};
use http::Method;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use serde_json::{Value, json};

use crate::promises::{is_long, print_row, random};
use crate::receiver::{Received, Receiver};
use crate::stack::{AGENT, Api, OTHER_AGENT};

/// One event type a row: its names in the native API, AgentLine, AgentPhone, Talkover and Casey.
const NAMES: [[&str; 5]; 9] = [
    ["call.received", "call.received", "call.received", "event_phone_call_started", "call.received"],
    ["call.completed", "call.completed", "agent.call_ended", "event_phone_call_ended", "call.completed"],
    ["call.failed", "call.failed", "call.failed", "event_phone_call_did_not_connect", "call.failed"],
    ["message.received", "sms.received", "agent.message", "message.received", "message.received"],
    ["message.reaction", "message.reaction", "agent.reaction", "message.reaction", "message.reaction"],
    [
        "conversation.started",
        "conversation.started",
        "conversation.started",
        "event_conversation_started",
        "conversation.started",
    ],
    [
        "conversation.completed",
        "conversation.completed",
        "conversation.completed",
        "event_conversation_ended",
        "conversation.completed",
    ],
    ["event_action"; 5],
    ["invoice.paid"; 5],
];
/// The rows of the event types that Talkover's customers can select.
const TALKOVERS: [usize; 6] = [0, 1, 2, 5, 6, 7];

/// The agents of published events: two are registered, and one is not.
const AGENTS: [&str; 3] = [AGENT, OTHER_AGENT, "agt_unknown"];

/// A change that a customer makes. `agent` is the index of a registered agent. `pick` is any number, and selects one of
/// the existing webhooks.
#[derive(Debug, Clone)]
enum Change {
    SetByAgentLine { agent: usize },
    SetByAgentPhone { agent: Option<usize> },
    DeleteByAgentLine { agent: usize },
    DeleteByAgentPhone { agent: Option<usize> },
    DisablePrimary { agent: Option<usize> },
    Talkover(TalkoverChange),
    CreateCasey { events: BTreeSet<usize> },
    DeleteCasey { pick: usize },
    DeleteAgent { agent: usize },
}

/// A change that one of Talkover's customers makes.
#[derive(Debug, Clone)]
enum TalkoverChange {
    Create { agent: usize, events: BTreeSet<usize>, enabled: bool },
    Update { pick: usize, events: BTreeSet<usize> },
    Toggle { pick: usize },
    Delete { pick: usize },
}

/// An event: a row of [`NAMES`], the column of the name that it is published under, and its agent.
#[derive(Debug, Clone)]
struct Event {
    row: usize,
    column: usize,
    agent: Option<usize>,
}

fn changes() -> impl Strategy<Value = Change> {
    let (agent, owner, pick) = (0..2_usize, prop::option::of(0..2_usize), 0..8_usize);
    let talkovers = prop::collection::btree_set(prop::sample::select(TALKOVERS.to_vec()), 1..4);
    let caseys = prop::collection::btree_set(0..NAMES.len(), 1..5);
    let talkover = prop_oneof![
        4 => (agent.clone(), talkovers.clone(), prop::bool::weighted(0.8))
            .prop_map(|(agent, events, enabled)| TalkoverChange::Create { agent, events, enabled }),
        1 => (pick.clone(), talkovers).prop_map(|(pick, events)| TalkoverChange::Update { pick, events }),
        1 => pick.clone().prop_map(|pick| TalkoverChange::Toggle { pick }),
        1 => pick.clone().prop_map(|pick| TalkoverChange::Delete { pick }),
    ];
    prop_oneof![
        3 => agent.clone().prop_map(|agent| Change::SetByAgentLine { agent }),
        3 => owner.clone().prop_map(|agent| Change::SetByAgentPhone { agent }),
        1 => agent.clone().prop_map(|agent| Change::DeleteByAgentLine { agent }),
        2 => owner.clone().prop_map(|agent| Change::DeleteByAgentPhone { agent }),
        1 => owner.prop_map(|agent| Change::DisablePrimary { agent }),
        7 => talkover.prop_map(Change::Talkover),
        3 => caseys.prop_map(|events| Change::CreateCasey { events }),
        1 => pick.prop_map(|pick| Change::DeleteCasey { pick }),
        1 => agent.prop_map(|agent| Change::DeleteAgent { agent }),
    ]
}

fn events() -> impl Strategy<Value = Event> {
    (0..NAMES.len(), 0..5_usize, prop::option::weighted(0.8, 0..3_usize)).prop_map(|(row, column, agent)| Event {
        row,
        column,
        agent,
    })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Dialect {
    AgentLine = 1,
    AgentPhone = 2,
    Talkover = 3,
    Casey = 4,
}

/// A primary webhook. `target` is the receiver's path.
#[derive(Debug)]
struct PrimaryWebhook {
    dialect: Dialect,
    target: String,
    enabled: bool,
}

/// An additional webhook. `agent` is `None` for the project's. `path` is the path of the calls that manage it.
#[derive(Debug)]
struct AdditionalWebhook {
    dialect: Dialect,
    agent: Option<usize>,
    names: BTreeSet<&'static str>,
    target: String,
    enabled: bool,
    path: String,
}

/// The webhooks that are set, as the customers know them.
#[derive(Debug, Default)]
struct Model {
    primaries: BTreeMap<Option<usize>, PrimaryWebhook>,
    additional: Vec<AdditionalWebhook>,
    targets: usize,
}

impl Model {
    /// The deliveries of an event: the target of each, and the name that it gives the event type.
    fn expected_deliveries(&self, event: &Event) -> Vec<(String, String)> {
        let agent = event.agent;
        let mut deliveries = Vec::new();
        let overriding = agent.and_then(|agent| self.primaries.get(&Some(agent)));
        if let Some(primary) = overriding.or(self.primaries.get(&None))
            && primary.enabled
        {
            deliveries.push((primary.target.clone(), NAMES[event.row][primary.dialect as usize].to_owned()));
        }
        for webhook in &self.additional {
            let name = NAMES[event.row][webhook.dialect as usize];
            let is_concerned = webhook.agent.is_none() || webhook.agent == agent;
            if is_concerned && webhook.enabled && webhook.names.contains(name) {
                deliveries.push((webhook.target.clone(), name.to_owned()));
            }
        }
        deliveries.sort();
        deliveries
    }

    fn new_target(&mut self) -> String {
        self.targets += 1;
        format!("/{}", self.targets)
    }

    /// The `pick`th additional webhook of a dialect, if it has any.
    fn picked(&self, dialect: Dialect, pick: usize) -> Option<usize> {
        let all: Vec<usize> =
            (0..self.additional.len()).filter(|&index| self.additional[index].dialect == dialect).collect();
        (!all.is_empty()).then(|| all[pick % all.len()])
    }
}

/// The paths of AgentPhone's and Talkover's calls.
fn primary_path(agent: Option<usize>) -> String {
    agent.map_or("/agentphone/v1/webhooks".to_owned(), |agent| {
        format!("/agentphone/v1/agents/{}/webhook", AGENTS[agent])
    })
}

fn talkover_path(agent: usize) -> String {
    format!("/talkover/api/v1/agents/{}/webhooks", AGENTS[agent])
}

fn talkover_names(events: &BTreeSet<usize>) -> BTreeSet<&'static str> {
    events.iter().map(|&row| NAMES[row][Dialect::Talkover as usize]).collect()
}

/// Makes a change in the stack and in the model.
async fn make(api: &Api, receiver: &Receiver, model: &mut Model, change: &Change) -> Result<()> {
    match change {
        Change::SetByAgentLine { agent } => {
            let target = model.new_target();
            let body = json!({ "agent_id": AGENTS[*agent], "url": receiver.url(&target) });
            assert_eq!(api.post("/agentline/v1/webhooks", &body).await?.status, 200);
            model.primaries.insert(Some(*agent), PrimaryWebhook { dialect: Dialect::AgentLine, target, enabled: true });
        }
        Change::SetByAgentPhone { agent } => {
            let target = model.new_target();
            let body = json!({ "url": receiver.url(&target) });
            assert_eq!(api.post(&primary_path(*agent), &body).await?.status, 200);
            model.primaries.insert(*agent, PrimaryWebhook { dialect: Dialect::AgentPhone, target, enabled: true });
        }
        Change::DeleteByAgentLine { agent } => {
            let deleted = api.delete(&format!("/agentline/v1/webhooks?agent_id={}", AGENTS[*agent])).await?;
            let was_set = model.primaries.remove(&Some(*agent)).is_some();
            assert_eq!(deleted.status, if was_set { 200 } else { 404 });
        }
        Change::DeleteByAgentPhone { agent } => {
            let deleted = api.delete(&primary_path(*agent)).await?;
            assert_eq!(deleted.status, if model.primaries.remove(agent).is_some() { 200 } else { 404 });
        }
        Change::DisablePrimary { agent } => disable(api, model, *agent).await?,
        Change::Talkover(change) => make_by_talkover(api, receiver, model, change).await?,
        Change::CreateCasey { events } => {
            let (target, dialect) = (model.new_target(), Dialect::Casey);
            let names: BTreeSet<&str> = events.iter().map(|&row| NAMES[row][Dialect::Casey as usize]).collect();
            let body = json!({ "url": receiver.url(&target), "event_types": names });
            let created = api.post("/casey/v1/backend/webhooks", &body).await?;
            let id = created.body["data"]["id"].as_str().context("created")?.to_owned();
            let path = format!("/casey/v1/backend/webhooks/{id}");
            model.additional.push(AdditionalWebhook { dialect, agent: None, names, target, enabled: true, path });
        }
        Change::DeleteCasey { pick } => {
            let Some(index) = model.picked(Dialect::Casey, *pick) else { return Ok(()) };
            assert_eq!(api.delete(&model.additional.remove(index).path).await?.status, 204);
        }
        Change::DeleteAgent { agent } => {
            let path = format!("/v1/agents/{}", AGENTS[*agent]);
            assert_eq!(api.delete(&path).await?.status, 204);
            assert_eq!(api.put(&path, &json!({})).await?.status, 201);
            model.primaries.remove(&Some(*agent));
            model.additional.retain(|webhook| webhook.agent != Some(*agent));
        }
    }
    Ok(())
}

/// Makes a change of Talkover's customers in the stack and in the model.
async fn make_by_talkover(api: &Api, receiver: &Receiver, model: &mut Model, change: &TalkoverChange) -> Result<()> {
    match change {
        TalkoverChange::Create { agent, events, enabled } => {
            let (target, names) = (model.new_target(), talkover_names(events));
            let body =
                json!({ "name": "T", "webhook_url": receiver.url(&target), "events": names, "enabled": enabled });
            let created = api.post(&talkover_path(*agent), &body).await?;
            let path = format!("{}/{}", talkover_path(*agent), created.body["data"]["id"].as_str().context("created")?);
            let (dialect, agent, enabled) = (Dialect::Talkover, Some(*agent), *enabled);
            model.additional.push(AdditionalWebhook { dialect, agent, names, target, enabled, path });
        }
        TalkoverChange::Update { pick, events } => {
            let Some(index) = model.picked(Dialect::Talkover, *pick) else { return Ok(()) };
            let webhook = &mut model.additional[index];
            webhook.names = talkover_names(events);
            let body = json!({ "events": webhook.names });
            assert_eq!(api.put(&webhook.path, &body).await?.status, 200);
        }
        TalkoverChange::Toggle { pick } => {
            let Some(index) = model.picked(Dialect::Talkover, *pick) else { return Ok(()) };
            let webhook = &mut model.additional[index];
            webhook.enabled = !webhook.enabled;
            let toggled = api.send(Method::PATCH, &format!("{}/toggle", webhook.path), "").await?;
            assert_eq!(toggled.body["data"]["enabled"], webhook.enabled);
        }
        TalkoverChange::Delete { pick } => {
            let Some(index) = model.picked(Dialect::Talkover, *pick) else { return Ok(()) };
            assert_eq!(api.delete(&model.additional.remove(index).path).await?.status, 200);
        }
    }
    Ok(())
}

/// Disables a primary webhook in the store, because no dialect has a call for that yet.
async fn disable(api: &Api, model: &mut Model, agent: Option<usize>) -> Result<()> {
    let Some(primary) = model.primaries.get_mut(&agent) else { return Ok(()) };
    primary.enabled = false;
    let (store, [tenant, _]) = (api.store().await?, local::demo::tenants());
    let owner = agent.map_or(Ok(Owner::Project), |agent| AgentId::parse(AGENTS[agent]).map(Owner::Agent))?;
    let before = store.owned(&tenant, &owner).await?.primary_webhook().context("a primary webhook")?;
    let mut after = before.clone();
    after.enabled = false;
    store.replace(&tenant, Some(&before), &after).await?;
    Ok(())
}

/// The number of a delivery's event, and the name of its event type there, in any dialect.
fn number_and_name(received: &Received) -> (u64, String) {
    let payload = received.json();
    let number = payload["data"]["n"].as_u64().or(payload["n"].as_u64()).unwrap();
    let name = payload["event"].as_str().or(payload["event_type"].as_str()).unwrap();
    (number, name.to_owned())
}

async fn check(rounds: &[(Vec<Change>, Vec<Event>)]) -> Result<()> {
    let (api, receiver, mut model) = (Api::start().await?, Receiver::start(&[]).await?, Model::default());
    let mut expected = BTreeMap::new();
    for (changes, events) in rounds {
        for change in changes {
            make(&api, &receiver, &mut model, change).await?;
        }
        for event in events {
            let number = expected.len() as u64;
            let mut body = json!({ "type": NAMES[event.row][event.column], "data": { "n": number } });
            if let Some(agent) = event.agent {
                body["agent_id"] = Value::from(AGENTS[agent]);
            }
            api.publish(&body).await?;
            expected.insert(number, model.expected_deliveries(event));
        }
        api.idle().await?;
    }
    let mut actual: BTreeMap<u64, Vec<(String, String)>> =
        expected.keys().map(|&number| (number, Vec::new())).collect();
    for received in receiver.received() {
        let (number, name) = number_and_name(&received);
        actual.get_mut(&number).context("an event that was published")?.push((received.path, name));
    }
    actual.values_mut().for_each(|deliveries| deliveries.sort());
    assert_eq!(actual, expected, "{model:#?}");
    Ok(())
}

#[test]
fn each_event_reaches_the_webhooks_that_the_documents_name_over_random_changes() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let rounds =
        prop::collection::vec((prop::collection::vec(changes(), 0..8), prop::collection::vec(events(), 1..8)), 1..5);
    let cases = if is_long() { 160 } else { 16 };
    let config = Config { max_shrink_iters: 30, ..random(cases, "seeds/model.txt") };
    let result = TestRunner::new(config).run(&rounds, |rounds| {
        runtime.block_on(check(&rounds)).map_err(|error| TestCaseError::fail(format!("{error:#}")))
    });
    if let Err(error) = result {
        panic!("{error}");
    }
    let test = "makes random changes to webhooks, and checks who gets each event";
    print_row(test, &format!("{cases} random histories"), None);
}
