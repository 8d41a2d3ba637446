//! The whole inventory: every function there is. `template.yaml` says what triggers each.

use crate::function::Function;
use crate::{agentline, agentphone, casey, native, pipeline, talkover};

/// Every function, in the order of its name.
pub const FUNCTIONS: &[Function] = &[
    agentline::delete_webhook::FUNCTION,
    agentline::list_webhooks::FUNCTION,
    agentline::set_webhook::FUNCTION,
    agentline::test_webhook::FUNCTION,
    agentphone::delete_agent_webhook::FUNCTION,
    agentphone::delete_webhook::FUNCTION,
    agentphone::get_agent_webhook::FUNCTION,
    agentphone::get_webhook::FUNCTION,
    agentphone::list_agent_deliveries::FUNCTION,
    agentphone::set_agent_webhook::FUNCTION,
    agentphone::set_webhook::FUNCTION,
    agentphone::test_agent_webhook::FUNCTION,
    agentphone::test_webhook::FUNCTION,
    casey::create_webhook::FUNCTION,
    casey::delete_webhook::FUNCTION,
    casey::get_secret::FUNCTION,
    casey::get_webhook::FUNCTION,
    casey::list_webhooks::FUNCTION,
    casey::test_webhooks::FUNCTION,
    native::delete_agent::FUNCTION,
    native::get_agent::FUNCTION,
    native::list_agents::FUNCTION,
    native::put_agent::FUNCTION,
    pipeline::deliver::FUNCTION,
    pipeline::fan_out::FUNCTION,
    pipeline::publish_events::FUNCTION,
    pipeline::sweep::FUNCTION,
    talkover::create_webhook::FUNCTION,
    talkover::delete_webhook::FUNCTION,
    talkover::get_webhook::FUNCTION,
    talkover::list_webhooks::FUNCTION,
    talkover::test_webhook::FUNCTION,
    talkover::toggle_webhook::FUNCTION,
    talkover::update_webhook::FUNCTION,
];
