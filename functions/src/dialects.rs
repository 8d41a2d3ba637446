//! Every dialect of this release. The use cases get this list, and know a dialect only by its row.

use usecases::dialect::Dialects;

use crate::{agentline, agentphone, casey, talkover};

/// Every dialect of this release.
pub const DIALECTS: Dialects = Dialects(&[agentline::DIALECT, agentphone::DIALECT, casey::DIALECT, talkover::DIALECT]);

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use domain::event_types;

    use super::*;

    #[test]
    fn one_event_has_each_dialects_name() {
        for published in ["message.received", "agent.message", "sms.received"] {
            assert_eq!(agentline::DIALECT.event_name(DIALECTS.native_name(published)), "sms.received");
            assert_eq!(agentphone::DIALECT.event_name(DIALECTS.native_name(published)), "agent.message");
        }
        for published in ["call.completed", "agent.call_ended", "event_phone_call_ended"] {
            assert_eq!(agentphone::DIALECT.event_name(DIALECTS.native_name(published)), "agent.call_ended");
            assert_eq!(talkover::DIALECT.event_name(DIALECTS.native_name(published)), "event_phone_call_ended");
            assert_eq!(casey::DIALECT.event_name(DIALECTS.native_name(published)), "call.completed");
        }
        assert_eq!(agentphone::DIALECT.event_name(DIALECTS.native_name("invoice.paid")), "invoice.paid");
    }

    /// A row of one dialect must not change another dialect. So each name leads to one native event, and no native name
    /// is a dialect's name for another event.
    #[test]
    fn a_name_stands_for_one_event_in_all_dialects() {
        let mut natives = BTreeMap::new();
        for row in DIALECTS.0.iter().flat_map(|dialect| dialect.event_names) {
            assert!(row.native.is_none_or(event_types::is_native), "{row:?} is in no catalogue");
            assert!(!event_types::is_native(row.own), "{} is a native name", row.own);
            let other = natives.insert(row.own, row.native);
            assert!(other.is_none_or(|other| other == row.native), "{} stands for two events", row.own);
        }
    }
}
