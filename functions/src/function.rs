//! A function's row: its name, what triggers it, what it may call. Each stands at its handler, and the rows are the only
//! list: `cargo regenerate` makes of them the template's resources, the routes of `cargo lambda watch` and the tables in
//! `docs/reference/`.

use std::error::Error;

use domain::Permission;
use futures::future::BoxFuture;
use lambda_http::Request;
use serde_json::Value;
use usecases::app::App;
use usecases::internal_error::InternalError;
use usecases::pipeline::QueueRecord;

use crate::access::{Access, Resource};
use crate::http::api_error::{ApiError, RenderError};
use crate::http::authenticate::{Caller, authenticate};
use crate::http::reply::Reply;
use crate::schema::Shape;

/// Answers a caller.
pub type HttpHandler = for<'a> fn(&'a App, Caller, &'a Request) -> BoxFuture<'a, Result<Reply, ApiError>>;
/// Works a batch of queue messages, and returns the ids of those that SQS has to show again.
pub type QueueHandler = for<'a> fn(&'a App, &'a [QueueRecord]) -> BoxFuture<'a, Vec<String>>;
/// Does what is due.
pub type ScheduleHandler = for<'a> fn(&'a App) -> BoxFuture<'a, Result<(), InternalError>>;
/// Carries out a command, and answers it. An error fails the invocation.
pub type CommandHandler = for<'a> fn(&'a App, Value) -> BoxFuture<'a, Result<Value, Box<dyn Error + Send + Sync>>>;

/// A Lambda function.
#[derive(Debug, Clone, Copy)]
pub struct Function {
    /// Its name everywhere: `agentphone-set-agent-webhook` is the handler in `agentphone/set_agent_webhook.rs`, and the
    /// template's resource `AgentphoneSetAgentWebhook`.
    pub name: &'static str,
    /// What it does, in one sentence.
    pub summary: &'static str,
    /// What invokes it.
    pub trigger: Trigger,
    /// Seconds that an invocation may take.
    pub timeout_s: u16,
    /// What it may call, besides what its trigger takes.
    pub access: &'static [Access],
    /// Whether it calls customers' URLs. Then its process starts with the client for them set up.
    pub calls_customers: bool,
}

/// What invokes a function.
#[derive(Debug, Clone, Copy)]
pub enum Trigger {
    /// A route of the HTTP API.
    Http(Endpoint),
    /// Messages in queues.
    Queues(&'static [Mapping], QueueHandler),
    /// A schedule, every so many minutes.
    Schedule(u8, ScheduleHandler),
    /// An invocation by somebody with AWS credentials.
    Command(CommandHandler),
}

/// A route of the HTTP API.
#[derive(Debug, Clone, Copy)]
pub struct Endpoint {
    /// `POST`
    pub method: &'static str,
    /// `/v1/agents/{agent_id}`
    pub path: &'static str,
    /// What a caller's key has to allow.
    pub permission: Permission,
    /// The body that it takes.
    pub request: Option<Shape>,
    /// The status and body of its reply where it succeeds.
    pub reply: (u16, Option<Shape>),
    /// How its API writes errors.
    pub render_error: RenderError,
    /// Answers it.
    pub handler: HttpHandler,
}

/// A queue that triggers a function.
#[derive(Debug, Clone, Copy)]
pub struct Mapping {
    /// The queue.
    pub queue: Resource,
    /// Messages in one invocation.
    pub batch_size: u8,
    /// The template's parameter that limits invocations at once; none is Lambda's own limit.
    pub concurrency: Option<&'static str>,
}

/// Seconds that a function behind a route may take: API Gateway waits 30 seconds.
const HTTP_TIMEOUT_S: u16 = 29;

impl Function {
    /// A function behind a route.
    #[must_use]
    pub const fn http(
        name: &'static str,
        summary: &'static str,
        endpoint: Endpoint,
        access: &'static [Access],
    ) -> Self {
        let trigger = Trigger::Http(endpoint);
        Self { name, summary, trigger, timeout_s: HTTP_TIMEOUT_S, access, calls_customers: false }
    }

    /// The same, which calls customers' URLs.
    #[must_use]
    pub const fn calling_customers(self) -> Self {
        Self { calls_customers: true, ..self }
    }

    /// Everything that it may call, with what its trigger takes.
    #[must_use]
    pub fn all_access(&self) -> Vec<Access> {
        let mut all: Vec<Access> = self.access.to_vec();
        match self.trigger {
            Trigger::Http(_) => all.push(crate::access::AUTHENTICATE),
            Trigger::Queues(mappings, _) => {
                all.extend(mappings.iter().map(|mapping| crate::access::may(mapping.queue, crate::access::POLL)));
            }
            Trigger::Schedule(..) | Trigger::Command(_) => {}
        }
        all
    }
}

impl Endpoint {
    /// Answers a request: finds the caller, runs the handler, writes its error.
    pub async fn answer(self, app: &App, request: &Request) -> Reply {
        let result = match authenticate(app, request, self.permission).await {
            Ok(caller) => (self.handler)(app, caller, request).await,
            Err(error) => Err(error),
        };
        result.unwrap_or_else(|error| {
            if let Some(internal) = error.internal() {
                tracing::error!(error = internal as &dyn Error, "a request could not be answered");
            }
            (self.render_error)(&error)
        })
    }
}
