//! Switchhook's Lambda functions: one handler a file, and each dialect in a folder of its own.
//!
//! One string names a function everywhere: the file `agentphone/set_agent_webhook.rs`, the handler
//! `agentphone-set-agent-webhook` at Lambda, the template's resource `AgentphoneSetAgentWebhook`, the log field `function`.

pub mod access;
pub mod admin;
pub mod agentline;
pub mod agentphone;
pub mod alarms;
pub mod casey;
pub mod dialects;
pub mod fastapi;
pub mod function;
pub mod functions;
pub mod http;
pub mod lambda;
pub mod limits;
pub mod log;
pub mod native;
pub mod pipeline;
pub mod queues;
pub mod schema;
pub mod start_app;
pub mod talkover;
