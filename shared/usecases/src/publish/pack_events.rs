//! Packs events into as few messages of the events queue as possible. A full message holds events of one agent only.
//! The events that do not fill a message share messages with other agents' events. So an agent with many events waits
//! behind its own events, and the other agents do not.

use std::collections::BTreeMap;
use std::time::Duration;

use clients::queue::messages::{EventsMessage, Version, events_group};
use clients::queue::{Outgoing, parts};
use domain::time::Timestamp;
use domain::{AgentId, Event, EventPack, Tenant, Traceparent, WebhookId};
use serde_json::value::RawValue;

use crate::internal_error::InternalError;

/// Events in one message. An interrupted message is dispatched again as a whole, so it must stay small.
const EVENTS_A_MESSAGE: usize = 10;

/// Bytes of the events' JSON in one message. With its other fields the message stays within 64 KiB, which SQS counts as
/// one request.
const BYTES_A_MESSAGE: usize = 56 * 1024;

/// An event's JSON as it was published, and the event that was read from it.
pub(crate) type Accepted<'a> = (&'a RawValue, &'a Event);

/// Events of a request that share a queue message.
#[derive(Debug)]
pub(super) struct Pack {
    /// The events' indexes in the request.
    pub(super) indexes: Vec<usize>,
}

/// Packs the events of a request, and gives the events of each pack their ids. An event with a client id has its id
/// already, and a pack of its own.
pub(super) fn pack(raws: &[Box<RawValue>], events: &mut [Event], new_pack: impl Fn() -> EventPack) -> Vec<Pack> {
    let (alone, others): (Vec<_>, Vec<_>) =
        (0..events.len()).partition(|&index| events.get(index).is_some_and(|event| event.has_client_id));
    let packs = packs(raws, events, others);
    for indexes in &packs {
        let pack = new_pack();
        for (position, &index) in (0..).zip(indexes) {
            if let Some(event) = events.get_mut(index) {
                event.id = pack.event_id(position);
            }
        }
    }
    packs.into_iter().chain(alone.into_iter().map(|index| vec![index])).map(|indexes| Pack { indexes }).collect()
}

/// The queue messages for the packs of one request. A repeat of the request has another `publish_token`.
///
/// # Errors
/// Where a message cannot be written as JSON.
pub(super) fn messages(
    tenant: &Tenant,
    (raws, events): (&[Box<RawValue>], &[Event]),
    packs: &[Pack],
    publish_token: &str,
    traceparent: Option<&Traceparent>,
) -> Result<Vec<Outgoing>, InternalError> {
    let messages = packs.iter().map(|pack| {
        let accepted = pack.indexes.iter().filter_map(|&index| Some((raws.get(index)?.as_ref(), events.get(index)?)));
        let accepted: Vec<_> = accepted.collect();
        // An event with a client id travels alone, because its message's publish token acquires the dedup lock. The same
        // client id twice in a request is an event and its repeat, so each event gets a token of its own.
        let with_client_id = accepted.first().is_some_and(|(_, event)| event.has_client_id);
        let token = pack.indexes.first().filter(|_| with_client_id).map(|index| format!("{publish_token}#{index}"));
        message(tenant, &accepted, token, traceparent, None)
    });
    messages.collect()
}

/// The indexes of the events of each pack, among `indexes`.
fn packs(raws: &[Box<RawValue>], events: &[Event], indexes: Vec<usize>) -> Vec<Vec<usize>> {
    let bytes = |index: &usize| raws.get(*index).map_or(0, |raw| raw.get().len());
    let cut = |indexes| parts(indexes, EVENTS_A_MESSAGE, BYTES_A_MESSAGE, bytes);
    let mut by_agent: BTreeMap<Option<&AgentId>, Vec<usize>> = BTreeMap::new();
    for index in indexes {
        by_agent.entry(events.get(index).and_then(|event| event.agent_id.as_ref())).or_default().push(index);
    }
    let (mut packs, mut rest) = (Vec::new(), Vec::new());
    for indexes in by_agent.into_values() {
        let mut own = cut(indexes);
        rest.extend(own.pop_if(|last| last.len() < EVENTS_A_MESSAGE).unwrap_or_default());
        packs.append(&mut own);
    }
    packs.append(&mut cut(rest));
    packs
}

/// The queue message for events that were accepted together.
///
/// # Errors
/// Where the message cannot be written as JSON.
pub(crate) fn message(
    tenant: &Tenant,
    accepted: &[Accepted<'_>],
    publish_token: Option<String>,
    traceparent: Option<&Traceparent>,
    only: Option<Vec<WebhookId>>,
) -> Result<Outgoing, InternalError> {
    let mut agents = accepted.iter().map(|(_, event)| event.agent_id.as_ref());
    let first = agents.next().flatten();
    let group = events_group(tenant, first.filter(|_| agents.all(|agent| agent == first)));
    let message = EventsMessage {
        v: Version,
        tenant: tenant.clone(),
        accepted_at: accepted.first().map(|(_, event)| event.accepted_at),
        ids: Some(accepted.iter().map(|(_, event)| event.id.clone()).collect()),
        publish_token,
        positions: Some(accepted.iter().map(|(_, event)| event.position).collect()),
        traceparent: traceparent.cloned(),
        only,
        events: accepted.iter().map(|(raw, _)| (*raw).to_owned()).collect(),
    };
    Ok(Outgoing { body: serde_json::to_string(&message)?, delay: Duration::ZERO, group })
}

/// The queue message for one event of a message that a platform put into the queue, as the platform would have sent the
/// event alone.
///
/// # Errors
/// Where the message cannot be written as JSON.
pub(crate) fn unregistered_message(
    of: &EventsMessage,
    event: &RawValue,
    accepted_at: Timestamp,
) -> Result<Outgoing, InternalError> {
    let message = EventsMessage {
        v: Version,
        tenant: of.tenant.clone(),
        accepted_at: Some(accepted_at),
        ids: None,
        publish_token: None,
        positions: None,
        traceparent: of.traceparent.clone(),
        only: of.only.clone(),
        events: vec![event.to_owned()],
    };
    let group = events_group(&of.tenant, None);
    Ok(Outgoing { body: serde_json::to_string(&message)?, delay: Duration::ZERO, group })
}

#[cfg(test)]
mod tests {
    use domain::{Environment, ProjectId};

    use super::*;
    use crate::publish::read_event;

    /// The number of events of each agent, for each message.
    fn packed(agents: &[&str], bytes: usize) -> Vec<BTreeMap<String, usize>> {
        let tenant = Tenant { project: ProjectId::new("demo"), environment: Environment::Test };
        let raws: Vec<_> = agents
            .iter()
            .map(|agent| {
                let data = "x".repeat(bytes);
                let json = format!(r#"{{"type":"a","agent_id":"{agent}","data":{{"a":"{data}"}}}}"#);
                RawValue::from_string(json).unwrap()
            })
            .collect();
        let now = Timestamp::from_millis(0);
        let request = EventPack { accepted_at: now, number: 0 };
        let events: Vec<_> =
            raws.iter().map(|raw| read_event(raw, &tenant, now, || request.event_id(0)).unwrap()).collect();
        let pack = |indexes: Vec<usize>| {
            let mut counts = BTreeMap::new();
            for index in indexes {
                *counts.entry(events[index].agent_id.as_ref().unwrap().to_string()).or_default() += 1;
            }
            counts
        };
        packs(&raws, &events, (0..events.len()).collect()).into_iter().map(pack).collect()
    }

    fn counts(agents: &[(&str, usize)]) -> BTreeMap<String, usize> {
        agents.iter().map(|(agent, count)| ((*agent).to_owned(), *count)).collect()
    }

    #[test]
    fn an_agent_of_many_events_has_messages_of_its_own_and_the_rest_go_together() {
        let agents = [vec!["many"; 23], vec!["few", "one", "few"]].concat();
        let expected =
            [counts(&[("many", 10)]), counts(&[("many", 10)]), counts(&[("few", 2), ("many", 3), ("one", 1)])];
        assert_eq!(packed(&agents, 10), expected);
    }

    #[test]
    fn large_events_go_alone() {
        assert_eq!(
            packed(&["a", "a", "b"], 40 * 1024),
            [counts(&[("a", 1)]), counts(&[("a", 1)]), counts(&[("b", 1)])]
        );
    }
}
