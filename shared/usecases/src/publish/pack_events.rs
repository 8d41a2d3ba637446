//! Packs events into as few messages of the events queue as possible. A full message holds events of one agent only.
//! The events that do not fill a message share messages with other agents' events. So an agent with many events waits
//! behind its own events, and the other agents do not.

use std::collections::BTreeMap;
use std::time::Duration;

use clients::queue::messages::{EventsMessage, Version, events_group};
use clients::queue::{Outgoing, parts};
use domain::{AgentId, Event, Tenant, Traceparent, WebhookId};
use serde_json::value::RawValue;

use crate::internal_error::InternalError;

/// Events in one message. An interrupted message is dispatched again as a whole, so it must stay small.
const EVENTS_A_MESSAGE: usize = 10;

/// Bytes of the events' JSON in one message. With its other fields the message stays within 64 KiB, which SQS counts as
/// one request.
const BYTES_A_MESSAGE: usize = 56 * 1024;

/// An event's JSON as it was published, and the event that was read from it.
pub(crate) type Accepted<'a> = (&'a RawValue, &'a Event);

/// The queue messages for the events of one request. A repeat of the request has another `publish_token`.
///
/// # Errors
/// Where a message cannot be written as JSON.
pub(super) fn messages<'a>(
    tenant: &Tenant,
    accepted: impl Iterator<Item = Accepted<'a>>,
    publish_token: &str,
    traceparent: Option<&Traceparent>,
) -> Result<Vec<Outgoing>, InternalError> {
    let (with_client_id, others): (Vec<_>, Vec<_>) = accepted.partition(|(_, event)| event.has_client_id);
    // An event with a client id travels alone, because its message's publish token acquires the dedup lock. The same
    // client id twice in a request is an event and its repeat, so each event gets a token of its own.
    let alone = with_client_id.into_iter().map(|(raw, event)| {
        message(tenant, &[(raw, event)], Some(format!("{publish_token}#{}", event.position)), traceparent, None)
    });
    let packed = packs(others);
    alone.chain(packed.iter().map(|pack| message(tenant, pack, None, traceparent, None))).collect()
}

fn packs(events: Vec<Accepted<'_>>) -> Vec<Vec<Accepted<'_>>> {
    let cut = |events| parts(events, EVENTS_A_MESSAGE, BYTES_A_MESSAGE, |(raw, _): &Accepted<'_>| raw.get().len());
    let mut by_agent: BTreeMap<Option<&AgentId>, Vec<Accepted<'_>>> = BTreeMap::new();
    for (raw, event) in events {
        by_agent.entry(event.agent_id.as_ref()).or_default().push((raw, event));
    }
    let (mut packs, mut rest) = (Vec::new(), Vec::new());
    for events in by_agent.into_values() {
        let mut own = cut(events);
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

#[cfg(test)]
mod tests {
    use domain::time::Timestamp;
    use domain::{Environment, EventId, ProjectId};

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
        let events: Vec<_> = raws
            .iter()
            .enumerate()
            .map(|(n, raw)| read_event(raw, &tenant, now, || EventId::from_queue_message("m", n)).unwrap())
            .collect();
        let pack = |pack: Vec<Accepted<'_>>| {
            let mut counts = BTreeMap::new();
            for (_, event) in pack {
                *counts.entry(event.agent_id.as_ref().unwrap().to_string()).or_default() += 1;
            }
            counts
        };
        packs(raws.iter().map(AsRef::as_ref).zip(&events).collect()).into_iter().map(pack).collect()
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
