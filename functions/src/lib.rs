//! Switchhook's Lambda functions: one file for each handler, and one folder for each dialect.
//!
//! A function has the same name everywhere: the file `agentphone/set_agent_webhook.rs`, the Lambda handler
//! `agentphone-set-agent-webhook`, the template's resource `AgentphoneSetAgentWebhook` and the log field `function`.

pub mod access;
pub mod admin;
pub mod agentline;
pub mod agentphone;
pub mod alarms;
pub mod casey;
pub mod dialects;
pub mod fastapi;
pub mod find_function;
pub mod function;
pub mod functions;
pub mod http;
pub mod json_schema;
pub mod lambda;
pub mod limits;
pub mod log_lines;
pub mod native;
pub mod pipeline;
pub mod queues;
pub mod start_app;
pub mod talkover;
