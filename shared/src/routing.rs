//! Who gets an event. Pure: from the event's name and the webhooks of its agent and its project.

use crate::domain::{DialectName, Place, Webhook, WebhookId};

/// What a webhook gets of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// The event.
    Deliver,
    /// Nothing, and the log says so: the slot that would get it is disabled.
    Skip,
}

/// Decides among the webhooks of an event's agent (none for an event of the project) and those of its project.
///
/// The agent's slot if set, else the project's, never both, and a disabled slot of the agent still overrides; besides,
/// every enabled subscription that asked for the event. `name_in` gives the event's name in a dialect.
pub fn recipients<'a>(
    agents: &'a [Webhook],
    projects: &'a [Webhook],
    name_in: impl Fn(&DialectName) -> String,
) -> Vec<(&'a Webhook, Decision)> {
    let slot_of = |webhooks: &'a [Webhook]| webhooks.iter().find(|webhook| webhook.place == Place::Slot);
    let slot = slot_of(agents)
        .or_else(|| slot_of(projects))
        .map(|slot| (slot, if slot.enabled { Decision::Deliver } else { Decision::Skip }));
    let subscriptions = agents
        .iter()
        .chain(projects)
        .filter(|webhook| webhook.place == Place::Subscription && webhook.enabled)
        .map(|webhook| (webhook, Decision::Deliver));
    slot.into_iter()
        .chain(subscriptions)
        .filter(|(webhook, _)| webhook.events.includes(&name_in(&webhook.dialect)))
        .collect()
}

/// Decides where an event is for certain webhooks alone: each that is still there gets it, unless it is disabled.
pub fn only<'a>(agents: &'a [Webhook], projects: &'a [Webhook], wanted: &[WebhookId]) -> Vec<(&'a Webhook, Decision)> {
    let found = agents.iter().chain(projects).filter(|webhook| wanted.contains(&webhook.id));
    found.map(|webhook| (webhook, if webhook.enabled { Decision::Deliver } else { Decision::Skip })).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{AgentId, EventFilter, Health, Ids, Owner, RequestOptions, Secret};
    use crate::time::Timestamp;

    fn webhook(url: &str, place: Place, enabled: bool, events: &[&str]) -> Webhook {
        let now = Timestamp::from_millis(0);
        Webhook {
            id: Ids::random().webhook(now),
            owner: Owner::Agent(AgentId::parse("agent").unwrap()),
            place,
            dialect: DialectName::new("plain"),
            description: None,
            url: url.to_owned(),
            request: RequestOptions::default(),
            secret: Secret::new("s".to_owned()),
            secret_known: true,
            previous_secrets: Vec::new(),
            signature_header: None,
            events: match events {
                [] => EventFilter::All,
                names => EventFilter::Only(names.iter().map(|&name| name.to_owned()).collect()),
            },
            enabled,
            retries_max: 5,
            timeout_s: 30,
            history_limit: 0,
            log_shards: 1,
            health: Health::default(),
            created_at: now,
            updated_at: now,
        }
    }

    fn told(agents: &[Webhook], projects: &[Webhook]) -> Vec<(String, Decision)> {
        recipients(agents, projects, |_| "call.completed".to_owned())
            .into_iter()
            .map(|(webhook, decision)| (webhook.url.clone(), decision))
            .collect()
    }

    fn delivered(urls: &[&str]) -> Vec<(String, Decision)> {
        urls.iter().map(|&url| (url.to_owned(), Decision::Deliver)).collect()
    }

    #[test]
    fn agent_slot_overrides_project_default() {
        let agent = [webhook("agent", Place::Slot, true, &[])];
        let project = [webhook("project", Place::Slot, true, &[])];
        assert_eq!(told(&agent, &project), delivered(&["agent"]));
        assert_eq!(told(&[], &project), delivered(&["project"]));
        assert_eq!(told(&[], &[]), delivered(&[]));
    }

    #[test]
    fn disabled_agent_slot_still_overrides_and_is_logged_as_skipped() {
        let agent = [webhook("agent", Place::Slot, false, &[])];
        let project = [webhook("project", Place::Slot, true, &[])];
        assert_eq!(told(&agent, &project), [("agent".to_owned(), Decision::Skip)]);
    }

    #[test]
    fn subscriptions_are_added_where_they_asked_for_the_event_and_are_enabled() {
        let agent = [
            webhook("all", Place::Subscription, true, &[]),
            webhook("named", Place::Subscription, true, &["call.failed", "call.completed"]),
            webhook("other", Place::Subscription, true, &["call.failed"]),
            webhook("disabled", Place::Subscription, false, &[]),
        ];
        let project = [webhook("slot", Place::Slot, true, &[]), webhook("project", Place::Subscription, true, &[])];
        assert_eq!(told(&agent, &project), delivered(&["slot", "all", "named", "project"]));
    }
}
