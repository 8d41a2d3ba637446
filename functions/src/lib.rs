//! Switchhook's functions: a library of handlers, and in `src/bin` one binary for each, which is what is deployed.
//!
//! One string names a function everywhere: the folder and file `agentphone/set_agent_webhook.rs`, the binary
//! `agentphone-set-agent-webhook`, the template's resource `AgentphoneSetAgentWebhook`, the log field `function`.

pub mod admin;
pub mod agentline;
pub mod agentphone;
pub mod app;
pub mod casey;
mod coalescer;
pub mod dialect;
pub mod dialects;
pub mod fastapi;
pub mod fault;
pub mod function;
pub mod functions;
pub mod hot_keys;
pub mod lambda;
pub mod log;
pub mod metrics;
pub mod native;
pub mod pipeline;
pub mod talkover;
pub mod test_call;
pub mod ttl_cache;

/// A function's time goes into small allocations, of the SDK's most of all: this allocator makes them faster than libc's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

pub use lambda::run;
