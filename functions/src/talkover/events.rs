//! The events that a webhook can ask for.

/// Each event's name, and what it tells, in one sentence.
pub(super) const AVAILABLE_EVENTS: &[(&str, &str)] = &[
    ("event_phone_call_started", "A phone call begins."),
    ("event_phone_call_ended", "A phone call has ended."),
    ("event_phone_call_did_not_connect", "A phone call could not be made."),
    ("event_phone_call_connected", "A phone call was answered."),
    ("event_phone_call_disconnected", "A phone call was cut off."),
    ("event_phone_call_error", "Something failed during a phone call."),
    ("event_participant_joined", "A participant joined a call."),
    ("event_participant_left", "A participant left a call."),
    ("event_voicemail_detected", "A call was answered by a voicemail."),
    ("event_voicemail_message_left", "The agent left a message on a voicemail."),
    ("event_conversation_started", "A conversation begins."),
    ("event_conversation_ended", "A conversation is complete."),
    ("event_action", "The agent carried out an action."),
    ("event_action_failed", "An action of the agent failed."),
    ("event_recording", "A recording of a call is available."),
    ("event_connection_established", "A connection to the agent was established."),
    ("event_connection_closed", "A connection to the agent was closed."),
    ("event_connection_error", "A connection to the agent failed."),
    ("event_user_connected", "A user connected to the agent."),
    ("event_user_disconnected", "A user disconnected from the agent."),
];

/// Whether webhooks can ask for the event called `name`.
pub(super) fn is_available(name: &str) -> bool {
    AVAILABLE_EVENTS.iter().any(|(available, _)| *available == name)
}
