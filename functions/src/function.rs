//! What a function is: its name, and its handler by what triggers it.

use std::error::Error;

use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use futures::future::{BoxFuture, join_all};
use lambda_http::Request;
use serde_json::Value;
use sha2::{Digest, Sha256};
use shared::domain::Permission;
use shared::http::caller::{Caller, CallerError, api_key, caller};
use shared::http::reply::Reply;
use shared::sign::hex;

use crate::app::App;
use crate::fault::Fault;

/// Answers an HTTP request, whatever it is.
pub type HttpHandler = for<'a> fn(&'a App, Request) -> BoxFuture<'a, Reply>;
/// Works a batch of queue messages and names those to see again.
pub type SqsHandler = for<'a> fn(&'a App, SqsEvent) -> BoxFuture<'a, SqsBatchResponse>;
/// Carries out what it is invoked with, and answers it. An error is the invocation's.
pub type CommandHandler = for<'a> fn(&'a App, Value) -> BoxFuture<'a, Result<Value, Box<dyn Error + Send + Sync>>>;
/// Does what is due.
pub type ScheduleHandler = for<'a> fn(&'a App) -> BoxFuture<'a, Result<(), Fault>>;

/// What triggers a function, and what it then does.
#[derive(Debug, Clone, Copy)]
pub enum Handler {
    /// A route of the HTTP API.
    Http(HttpHandler),
    /// Messages in a queue.
    Sqs(SqsHandler),
    /// A schedule.
    Schedule(ScheduleHandler),
    /// Who has AWS credentials for it: no trigger.
    Command(CommandHandler),
}

/// A function: one binary, one resource of the template.
#[derive(Debug, Clone, Copy)]
pub struct Function {
    /// `agentphone-set-agent-webhook`
    pub name: &'static str,
    /// What it does.
    pub handler: Handler,
    /// Whether it calls customers' URLs: then it starts with the client for it set up.
    pub calls_customers: bool,
}

impl Function {
    /// A function behind a route.
    #[must_use]
    pub const fn http(name: &'static str, handler: HttpHandler) -> Self {
        Self { name, handler: Handler::Http(handler), calls_customers: false }
    }

    /// A function behind a queue.
    #[must_use]
    pub const fn sqs(name: &'static str, handler: SqsHandler) -> Self {
        Self { name, handler: Handler::Sqs(handler), calls_customers: false }
    }

    /// A function behind a schedule.
    #[must_use]
    pub const fn schedule(name: &'static str, handler: ScheduleHandler) -> Self {
        Self { name, handler: Handler::Schedule(handler), calls_customers: false }
    }

    /// A function that is invoked by hand.
    #[must_use]
    pub const fn command(name: &'static str, handler: CommandHandler) -> Self {
        Self { name, handler: Handler::Command(handler), calls_customers: false }
    }

    /// The same, which calls customers' URLs.
    #[must_use]
    pub const fn calling_customers(self) -> Self {
        Self { calls_customers: true, ..self }
    }
}

/// Why an HTTP call is not answered with its result, in the shapes of one family of dialects.
pub trait Problem: From<CallerError> {
    /// The answer that the caller gets.
    fn reply(&self) -> Reply;
    /// The fault behind it, where it is ours: that is logged, and never shown.
    fn fault(&self) -> Option<&(dyn Error + 'static)>;
}

/// Runs an HTTP function: finds out who calls, lets `handler` answer, and turns a problem into the dialect's answer. Who only
/// reads needs a key that may read, everybody else one that may manage.
pub async fn answer<P: Problem>(
    app: &App,
    request: Request,
    handler: impl AsyncFnOnce(&App, Caller, &Request) -> Result<Reply, P>,
) -> Reply {
    let permission = if request.method().is_safe() { Permission::Read } else { Permission::Manage };
    answer_who_may(permission, app, request, handler).await
}

/// The same, for keys that may do that.
pub async fn answer_who_may<P: Problem>(
    permission: Permission,
    app: &App,
    request: Request,
    handler: impl AsyncFnOnce(&App, Caller, &Request) -> Result<Reply, P>,
) -> Reply {
    let result = match caller_of(app, &request, permission).await {
        Ok(caller) => handler(app, caller, &request).await,
        Err(error) => Err(P::from(error)),
    };
    result.unwrap_or_else(|problem| {
        if let Some(fault) = problem.fault() {
            tracing::error!(error = fault, "a request could not be answered");
        }
        problem.reply()
    })
}

async fn caller_of(app: &App, request: &Request, permission: Permission) -> Result<Caller, CallerError> {
    let (key, now) = (api_key(request)?, app.clock.now());
    // A key is held nowhere, not even in memory.
    let digest = hex(&Sha256::digest(key));
    if let Some(known) = app.api_key_cache.get(&digest, now) {
        return caller(Some(&known), permission, now);
    }
    let found = app.store.api_key(key).await?;
    if let Some(found) = &found {
        app.api_key_cache.keep(digest, found.clone(), now, now);
    }
    caller(found.as_ref(), permission, now)
}

/// Works all records of a batch at once, with what they have in common, and calls `after` for each that is done with. It reports
/// those whose `work` failed, for SQS to show them again, and in the end to put them into the dead-letter queue.
pub async fn each_record<C>(
    common: &C,
    event: SqsEvent,
    work: impl AsyncFn(&C, &SqsMessage) -> Result<(), Fault>,
    after: impl Fn(&C),
) -> SqsBatchResponse {
    let (work, after) = (&work, &after);
    let works = event.records.iter().map(|record| async move {
        let result = work(common, record).await;
        after(common);
        result
    });
    let results = join_all(works).await;
    let mut response = SqsBatchResponse::default();
    for (record, result) in event.records.iter().zip(results) {
        if let Err(fault) = result {
            let sqs_message_id = record.message_id.clone().unwrap_or_default();
            tracing::error!(error = &fault as &dyn Error, sqs_message_id, "a message could not be worked");
            response.add_failure(sqs_message_id);
        }
    }
    response
}
