//! Injects faults: it counts every call that leaves a function, and makes one call fail or end its invocation.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::sync::{Arc, Mutex};

use aws_sdk_dynamodb::Client as DynamoDb;
use aws_sdk_sqs::Client as Sqs;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use clients::queue::Queues;
use clients::send::{Answer, Request, SendError, SendRequest, SetupError};
use clients::store::Store;
use futures::future::BoxFuture;
use local::{aws, invoke};
use usecases::app::App;

/// A call: the function that makes it, and what it asks for.
pub(crate) type Point = (String, String);

/// The fault that a call gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The call is refused, however often it is tried.
    Refused,
    /// The call is carried out, and its answer is lost.
    AnswerLost,
    /// The invocation ends before the call.
    EndsBefore,
    /// The call is carried out, and the invocation ends.
    EndsAfter,
}

pub(crate) const FAULTS: [Fault; 4] = [Fault::Refused, Fault::AnswerLost, Fault::EndsBefore, Fault::EndsAfter];

/// Tries that the SDK makes of one call.
const TRIES: usize = 3;

/// The calls that were made, and the call that gets the fault.
#[derive(Debug, Default)]
struct State {
    seen: BTreeMap<Point, usize>,
    armed: Option<(Point, Fault)>,
    /// Calls of the point that succeed before the fault.
    skipped: usize,
    /// Refusals that are still to come.
    left: usize,
    fired: bool,
}

/// Shared by all clients of one stack.
#[derive(Debug, Clone, Default)]
pub(crate) struct Faults(Arc<Mutex<State>>);

impl Faults {
    /// Gives a fault to a call of `point`, after `skipped` calls that succeed.
    pub(crate) fn at(point: &Point, skipped: usize, fault: Fault) -> Self {
        let armed = Some((point.clone(), fault));
        let left = if fault == Fault::Refused { TRIES } else { 1 };
        Self(Arc::new(Mutex::new(State { armed, skipped, left, ..State::default() })))
    }

    /// Every point that made a call, and how often.
    pub(crate) fn seen(&self) -> Vec<(Point, usize)> {
        self.0.lock().unwrap().seen.clone().into_iter().collect()
    }

    /// Whether the call with the fault was made.
    pub(crate) fn fired(&self) -> bool {
        self.0.lock().unwrap().fired
    }

    /// Puts the faults between a stack's functions and everything that they call.
    pub(crate) async fn stand_in(&self, app: &mut App, stores_url: &str) {
        let config = aws::config(stores_url).await;
        let inner = aws_smithy_http_client::Builder::new().build_http();
        let client = SharedHttpClient::new(FaultyClient { inner, faults: self.clone() });
        let config = config.into_builder().http_client(client).build();
        app.store = Store::new(DynamoDb::new(&config), &app.settings);
        app.queues = Queues::new(Sqs::new(&config), &app.settings);
        app.sender = Arc::new(FaultySender { inner: app.sender.clone(), faults: self.clone() });
    }

    /// The fault, if any, of the call that a function makes now.
    fn next(&self, operation: &str) -> Option<Fault> {
        let point = (invoke::running()?, operation.to_owned());
        let mut state = self.0.lock().unwrap();
        *state.seen.entry(point.clone()).or_default() += 1;
        let (armed, fault) = state.armed.clone()?;
        if armed != point || state.left == 0 {
            return None;
        }
        if state.skipped > 0 {
            state.skipped -= 1;
            return None;
        }
        state.left -= 1;
        state.fired = true;
        Some(fault)
    }
}

/// The sender of a stack's functions, with the faults of its requests.
#[derive(Debug)]
struct FaultySender {
    inner: Arc<dyn SendRequest>,
    faults: Faults,
}

impl SendRequest for FaultySender {
    fn send<'a>(&'a self, request: Request<'a>) -> BoxFuture<'a, Result<Answer, SendError>> {
        Box::pin(async move {
            let fault = self.faults.next("HTTP");
            match fault {
                None => return self.inner.send(request).await,
                Some(Fault::Refused) => return Err(SendError::Broken("refused by the test".to_owned())),
                Some(Fault::EndsBefore) => panic!("the invocation ends here"),
                Some(Fault::AnswerLost | Fault::EndsAfter) => {}
            }
            let answer = self.inner.send(request).await;
            assert!(fault != Some(Fault::EndsAfter), "the invocation ends here");
            answer.and(Err(SendError::Broken("lost by the test".to_owned())))
        })
    }

    fn prepare(&self) -> Result<(), SetupError> {
        self.inner.prepare()
    }
}

#[derive(Debug)]
struct FaultyClient {
    inner: SharedHttpClient,
    faults: Faults,
}

impl HttpClient for FaultyClient {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        let inner = self.inner.http_connector(settings, components);
        SharedHttpConnector::new(FaultyConnector { inner, faults: self.faults.clone() })
    }
}

struct FaultyConnector {
    inner: SharedHttpConnector,
    faults: Faults,
}

impl fmt::Debug for FaultyConnector {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("FaultyConnector")
    }
}

impl HttpConnector for FaultyConnector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        // For example `DynamoDB_20120810.PutItem`.
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let operation = target.rsplit('.').next().unwrap_or_default().to_owned();
        let fault = self.faults.next(&operation);
        let lost = || ConnectorError::io(io::Error::other("lost by the test").into());
        match fault {
            None => self.inner.call(request),
            Some(Fault::Refused) => HttpConnectorFuture::ready(Err(lost())),
            Some(Fault::EndsBefore) => panic!("the invocation ends here"),
            Some(fault @ (Fault::AnswerLost | Fault::EndsAfter)) => {
                let call = self.inner.call(request);
                HttpConnectorFuture::new(async move {
                    call.await?;
                    if fault == Fault::EndsAfter {
                        panic!("the invocation ends here");
                    }
                    Err(lost())
                })
            }
        }
    }
}
