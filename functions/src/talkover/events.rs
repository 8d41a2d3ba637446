//! Talkover's events, one in each row. A webhook can ask for them.

use domain::event_types;
use usecases::dialect::EventName;

/// Every event, in the order in which the API lists them.
pub(super) const EVENTS: &[EventName] = &[
    event("event_phone_call_started", Some(event_types::CALL_RECEIVED), "A phone call begins."),
    event("event_phone_call_ended", Some(event_types::CALL_COMPLETED), "A phone call has ended."),
    event("event_phone_call_did_not_connect", Some(event_types::CALL_FAILED), "A phone call could not be made."),
    event("event_phone_call_connected", None, "A phone call was answered."),
    event("event_phone_call_disconnected", None, "A phone call was cut off."),
    event("event_phone_call_error", None, "Something failed during a phone call."),
    event("event_participant_joined", None, "A participant joined a call."),
    event("event_participant_left", None, "A participant left a call."),
    event("event_voicemail_detected", None, "A call was answered by a voicemail."),
    event("event_voicemail_message_left", None, "The agent left a message on a voicemail."),
    event("event_conversation_started", Some(event_types::CONVERSATION_STARTED), "A conversation begins."),
    event("event_conversation_ended", Some(event_types::CONVERSATION_COMPLETED), "A conversation is complete."),
    event("event_action", None, "The agent carried out an action."),
    event("event_action_failed", None, "An action of the agent failed."),
    event("event_recording", None, "A recording of a call is available."),
    event("event_connection_established", None, "A connection to the agent was established."),
    event("event_connection_closed", None, "A connection to the agent was closed."),
    event("event_connection_error", None, "A connection to the agent failed."),
    event("event_user_connected", None, "A user connected to the agent."),
    event("event_user_disconnected", None, "A user disconnected from the agent."),
];

const fn event(own: &'static str, native: Option<&'static str>, description: &'static str) -> EventName {
    EventName { own, native, description }
}

/// Whether webhooks can ask for the event called `name`.
pub(super) fn is_available(name: &str) -> bool {
    EVENTS.iter().any(|event| event.own == name)
}
