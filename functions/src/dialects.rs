//! Every dialect there is. The pipeline finds one by the name that a webhook carries, and knows nothing else of it.

use shared::domain::DialectName;

use crate::dialect::Dialect;
use crate::{agentline, agentphone, casey, talkover};

/// Every dialect there is.
pub const DIALECTS: &[Dialect] = &[agentline::DIALECT, agentphone::DIALECT, casey::DIALECT, talkover::DIALECT];

/// The dialect called `name`; `None` where this release has none of that name.
#[must_use]
pub fn by_name(name: &DialectName) -> Option<&'static Dialect> {
    DIALECTS.iter().find(|dialect| dialect.name == name.as_str())
}

/// The native name of the event that any dialect calls `name`.
#[must_use]
pub fn native_name(name: &str) -> &str {
    let mut tables = DIALECTS.iter().flat_map(|dialect| dialect.event_names);
    tables.find(|(_, own)| *own == name).map_or(name, |(native, _)| *native)
}

/// Whether some dialect's deliveries set the header called `name`.
#[must_use]
pub fn is_reserved_header(name: &str) -> bool {
    DIALECTS.iter().flat_map(|dialect| dialect.headers).any(|own| own.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_event_has_each_dialects_name() {
        for published in ["message.received", "agent.message", "sms.received"] {
            assert_eq!(agentline::DIALECT.event_name(native_name(published)), "sms.received");
            assert_eq!(agentphone::DIALECT.event_name(native_name(published)), "agent.message");
        }
        for published in ["call.completed", "agent.call_ended", "event_phone_call_ended"] {
            assert_eq!(agentphone::DIALECT.event_name(native_name(published)), "agent.call_ended");
            assert_eq!(talkover::DIALECT.event_name(native_name(published)), "event_phone_call_ended");
            assert_eq!(casey::DIALECT.event_name(native_name(published)), "call.completed");
        }
        assert_eq!(agentphone::DIALECT.event_name(native_name("invoice.paid")), "invoice.paid");
    }
}
