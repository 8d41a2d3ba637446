//! A function's row: its name, its trigger, and the AWS calls that it may make. Each row stands in its handler's file,
//! and the rows are the only list of functions. From them `cargo regenerate` makes the template's resources, the routes
//! of `cargo lambda watch` and the tables in `docs/reference/`.

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
use crate::json_schema::Shape;

/// Answers a caller.
pub type HttpHandler = for<'a> fn(&'a App, Caller, &'a Request) -> BoxFuture<'a, Result<Reply, ApiError>>;
/// Processes a batch of queue messages. Returns the ids of the messages that failed: SQS redelivers them.
pub type QueueHandler = for<'a> fn(&'a App, &'a [QueueRecord]) -> BoxFuture<'a, Vec<String>>;
/// Does the work that is due.
pub type ScheduleHandler = for<'a> fn(&'a App) -> BoxFuture<'a, Result<(), InternalError>>;
/// Carries out a command, and returns its answer. An error fails the invocation.
pub type CommandHandler = for<'a> fn(&'a App, Value) -> BoxFuture<'a, Result<Value, Box<dyn Error + Send + Sync>>>;

/// A Lambda function.
#[derive(Debug, Clone, Copy)]
pub struct Function {
    /// The function's name everywhere: `agentphone-set-agent-webhook` is the handler in
    /// `agentphone/set_agent_webhook.rs`, and the template's resource `AgentphoneSetAgentWebhook`.
    pub name: &'static str,
    /// A description of the function, in one sentence.
    pub summary: &'static str,
    /// The trigger that invokes the function.
    pub trigger: Trigger,
    /// Seconds that an invocation may take.
    pub timeout_s: u16,
    /// The AWS calls that the function may make, besides the calls that its trigger needs.
    pub access: &'static [Access],
    /// Whether it calls customers' URLs. If so, its process sets up the HTTP client for them when it starts.
    pub calls_customers: bool,
}

/// The trigger of a function.
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
    /// The permission that the caller's key needs.
    pub permission: Permission,
    /// The shape of the request's body.
    pub request: Option<Shape>,
    /// The status and body of a successful reply.
    pub reply: (u16, Option<Shape>),
    /// Renders the errors of this API.
    pub render_error: RenderError,
    /// Handles the request.
    pub handler: HttpHandler,
}

/// A queue that triggers a function.
#[derive(Debug, Clone, Copy)]
pub struct Mapping {
    /// The queue.
    pub queue: Resource,
    /// The most messages in one invocation.
    pub batch_size: u8,
    /// The template's parameter that limits concurrent invocations; `None` means Lambda's own limit.
    pub concurrency: Option<&'static str>,
}

/// Seconds that a function behind a route may take. API Gateway waits 30 seconds for it.
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

    /// The same function, which also calls customers' URLs.
    #[must_use]
    pub const fn calling_customers(self) -> Self {
        Self { calls_customers: true, ..self }
    }

    /// The function's module: `agentphone::set_agent_webhook` of `agentphone-set-agent-webhook`. The folder is the part
    /// before the first hyphen.
    #[must_use]
    pub fn module(&self) -> String {
        self.name
            .split_once('-')
            .map_or_else(|| self.name.to_owned(), |(folder, file)| format!("{folder}::{}", file.replace('-', "_")))
    }

    /// All AWS calls that the function may make, with the calls that its trigger needs.
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
    /// Answers a request: authenticates the caller, runs the handler, and renders its error.
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
