//! The alarms: `cargo regenerate` writes them into `template.yaml`. The runbook has a section for each.

use crate::access::Resource;
use crate::function::Function;
use crate::pipeline::{deliver, fan_out, publish_events, run_task, sweep};

/// An alarm's row.
#[derive(Debug, Clone, Copy)]
pub struct Alarm {
    /// The template's resource.
    pub name: &'static str,
    /// The alarm's meaning, in one sentence.
    pub description: &'static str,
    /// The metric, and its limit.
    pub watches: Watch,
}

/// A metric, and the limit from which an alarm rings.
#[derive(Debug, Clone, Copy)]
pub enum Watch {
    /// The oldest message of a queue waits for over so many seconds, five minutes in a row.
    MessageAge(Resource, u32),
    /// A dead-letter queue holds a message.
    DeadLetters(&'static str),
    /// Invocations of a function fail, in three of five minutes.
    Errors(Function),
    /// Lambda refuses invocations of a function, in three of five minutes.
    Throttles(Function),
    /// More than so many requests a minute are answered with a 5xx, in three of five minutes.
    ServerErrors(u32),
    /// Less than so many percent of attempts succeed, for a quarter of an hour.
    SuccessBelow(u8),
}

/// Every alarm.
pub const ALARMS: &[Alarm] = &[
    alarm("EventsWaitAlarm", "Events wait for fan-out for over a minute", Watch::MessageAge(Resource::EventsQueue, 60)),
    alarm(
        "DeliveriesWaitAlarm",
        "First attempts wait for over a minute",
        Watch::MessageAge(Resource::DeliveriesQueue, 60),
    ),
    alarm(
        "RetriesWaitAlarm",
        "Retries, or slow endpoints' deliveries, wait for half an hour longer than they are due",
        Watch::MessageAge(Resource::RetriesQueue, 1800),
    ),
    alarm("EventsDeadLettersAlarm", "Events are in the dead-letter queue", Watch::DeadLetters("EventsDeadLetters")),
    alarm(
        "DeliveriesDeadLettersAlarm",
        "First attempts are in the dead-letter queue",
        Watch::DeadLetters("DeliveriesDeadLetters"),
    ),
    alarm("RetriesDeadLettersAlarm", "Retries are in the dead-letter queue", Watch::DeadLetters("RetriesDeadLetters")),
    alarm("TasksDeadLettersAlarm", "Tasks are in the dead-letter queue", Watch::DeadLetters("TasksDeadLetters")),
    alarm(
        "PublishEventsErrorsAlarm",
        "Invocations of publish end without an answer",
        Watch::Errors(publish_events::FUNCTION),
    ),
    alarm("FanOutErrorsAlarm", "Invocations of fan-out end without an answer", Watch::Errors(fan_out::FUNCTION)),
    alarm("DeliverErrorsAlarm", "Invocations of deliver end without an answer", Watch::Errors(deliver::FUNCTION)),
    alarm("RunTaskErrorsAlarm", "Invocations of run-task end without an answer", Watch::Errors(run_task::FUNCTION)),
    alarm("SweepErrorsAlarm", "Invocations of sweep end without an answer", Watch::Errors(sweep::FUNCTION)),
    alarm(
        "PublishEventsThrottlesAlarm",
        "Lambda refuses invocations of publish",
        Watch::Throttles(publish_events::FUNCTION),
    ),
    alarm("FanOutThrottlesAlarm", "Lambda refuses invocations of fan-out", Watch::Throttles(fan_out::FUNCTION)),
    alarm("DeliverThrottlesAlarm", "Lambda refuses invocations of deliver", Watch::Throttles(deliver::FUNCTION)),
    alarm("UnansweredAlarm", "The API answers requests with a 5xx", Watch::ServerErrors(5)),
    alarm("FailuresAlarm", "Most attempts at customers' endpoints fail", Watch::SuccessBelow(50)),
];

const fn alarm(name: &'static str, description: &'static str, watches: Watch) -> Alarm {
    Alarm { name, description, watches }
}
