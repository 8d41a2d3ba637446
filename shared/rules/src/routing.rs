//! Which webhooks receive an event. Pure: decided from the event's name and the webhooks of its agent and its project.

use domain::{DialectName, Webhook, WebhookId, WebhookKind};

/// Whether a webhook receives an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// The webhook receives the event.
    Deliver,
    /// The webhook is disabled, and the log says that the delivery was skipped.
    Skip,
}

/// The webhooks that receive an event, among the webhooks of its agent (`agents`) and of its project (`projects`). An
/// event of the project itself has no agent, and `agents` is empty. `name_in` gives the event's name in a dialect.
///
/// The agent's primary webhook, if set, overrides the project's, even if the agent's is disabled. Every enabled
/// additional webhook of agent and project receives the event, too. A webhook that did not ask for the event is left
/// out.
pub fn recipients<'a>(
    agents: &'a [Webhook],
    projects: &'a [Webhook],
    name_in: impl Fn(&DialectName) -> String,
) -> Vec<(&'a Webhook, Decision)> {
    let primary_of = |webhooks: &'a [Webhook]| webhooks.iter().find(|webhook| webhook.kind == WebhookKind::Primary);
    let primary = primary_of(agents)
        .or_else(|| primary_of(projects))
        .map(|primary| (primary, if primary.enabled { Decision::Deliver } else { Decision::Skip }));
    let additional = agents
        .iter()
        .chain(projects)
        .filter(|webhook| webhook.kind == WebhookKind::Additional && webhook.enabled)
        .map(|webhook| (webhook, Decision::Deliver));
    primary
        .into_iter()
        .chain(additional)
        .filter(|(webhook, _)| webhook.events.includes(&name_in(&webhook.dialect)))
        .collect()
}

/// The recipients of an event that is for the `wanted` webhooks only. A deleted webhook is left out, a disabled webhook
/// is skipped.
pub fn only<'a>(agents: &'a [Webhook], projects: &'a [Webhook], wanted: &[WebhookId]) -> Vec<(&'a Webhook, Decision)> {
    let found = agents.iter().chain(projects).filter(|webhook| wanted.contains(&webhook.id));
    found.map(|webhook| (webhook, if webhook.enabled { Decision::Deliver } else { Decision::Skip })).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::time::Timestamp;
    use domain::{AgentId, EventFilter, Health, Ids, Owner, RequestOptions, Secret};

    fn webhook(url: &str, kind: WebhookKind, enabled: bool, events: &[&str]) -> Webhook {
        let now = Timestamp::from_millis(0);
        Webhook {
            id: Ids::random().webhook(now),
            owner: Owner::Agent(AgentId::parse("agent").unwrap()),
            kind,
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
            log_spread_at: None,
            health: Health::default(),
            created_at: now,
            updated_at: now,
        }
    }

    fn recipient_urls(agents: &[Webhook], projects: &[Webhook]) -> Vec<(String, Decision)> {
        recipients(agents, projects, |_| "call.completed".to_owned())
            .into_iter()
            .map(|(webhook, decision)| (webhook.url.clone(), decision))
            .collect()
    }

    fn delivered(urls: &[&str]) -> Vec<(String, Decision)> {
        urls.iter().map(|&url| (url.to_owned(), Decision::Deliver)).collect()
    }

    #[test]
    fn agent_webhook_overrides_project_default() {
        let agent = [webhook("agent", WebhookKind::Primary, true, &[])];
        let project = [webhook("project", WebhookKind::Primary, true, &[])];
        assert_eq!(recipient_urls(&agent, &project), delivered(&["agent"]));
        assert_eq!(recipient_urls(&[], &project), delivered(&["project"]));
        assert_eq!(recipient_urls(&[], &[]), delivered(&[]));
    }

    #[test]
    fn disabled_agent_webhook_still_overrides_and_is_logged_as_skipped() {
        let agent = [webhook("agent", WebhookKind::Primary, false, &[])];
        let project = [webhook("project", WebhookKind::Primary, true, &[])];
        assert_eq!(recipient_urls(&agent, &project), [("agent".to_owned(), Decision::Skip)]);
    }

    #[test]
    fn additional_webhooks_are_added_where_they_asked_for_the_event_and_are_enabled() {
        let agent = [
            webhook("all", WebhookKind::Additional, true, &[]),
            webhook("named", WebhookKind::Additional, true, &["call.failed", "call.completed"]),
            webhook("other", WebhookKind::Additional, true, &["call.failed"]),
            webhook("disabled", WebhookKind::Additional, false, &[]),
        ];
        let project = [
            webhook("primary", WebhookKind::Primary, true, &[]),
            webhook("project", WebhookKind::Additional, true, &[]),
        ];
        assert_eq!(recipient_urls(&agent, &project), delivered(&["primary", "all", "named", "project"]));
    }
}
