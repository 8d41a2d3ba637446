//! AgentPhone's requests and replies.

use std::ops::RangeInclusive;
use std::time::Duration;

use clients::store::primary_deliveries::DeliveriesPage;
use clients::store::webhooks::LISTED_MAX;
use domain::time::Timestamp;
use domain::{Delivery, DialectName, Owner, Status, Webhook};
use lambda_http::Request;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Map;
use usecases::attempt::Outcome;
use usecases::webhooks::{Choice, PrimaryWebhookSettings, SecretChoice};

use super::payload::{MESSAGE_ID_CHARS_MAX, TestMessage};
use super::{DIALECT, TIMEOUT_MAX_S};
use crate::fastapi::{PYDANTIC, URL_CHARS_MAX};
use crate::http::api_error::ApiError;
use crate::http::fields::{Fields, UrlLimits, read_object, read_query};
use crate::http::read_request::{agent_in_path, body_bytes, query_parameter};

/// Retries after the first attempt.
const RETRIES_MAX: u8 = 5;
/// Seconds that an attempt may take, if the caller does not say.
const TIMEOUT_DEFAULT_S: u16 = 30;
/// The shortest timeout of an attempt, in seconds.
const TIMEOUT_MIN_S: i64 = 5;
/// Messages of history that a payload may have.
const CONTEXT_LIMITS: RangeInclusive<i64> = 0..=50;
/// Messages of history in a payload, where the caller does not say.
const CONTEXT_LIMIT_DEFAULT: u8 = 10;
/// Deliveries in a list, if the caller does not say.
const LIMIT_DEFAULT: u16 = 50;
/// Deliveries that a caller may ask for in a list.
const LIMITS: RangeInclusive<i64> = 1..=100;
/// The most deliveries that a list may skip: the skipped deliveries are read, too.
const OFFSET_MAX: i64 = 10_000;
/// Hours that statistics cover, if the caller does not say.
const HOURS_DEFAULT: i64 = 24;
/// Hours that a caller may ask for: up to a year.
const HOURS: RangeInclusive<i64> = 1..=8760;

/// `{id, url, secret, status, contextLimit, timeout, createdAt}`
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct WebhookReply<'a> {
    id: &'a str,
    url: &'a str,
    secret: &'a str,
    status: &'static str,
    context_limit: u8,
    timeout: u16,
    created_at: String,
}

impl<'a> From<&'a Webhook> for WebhookReply<'a> {
    fn from(webhook: &'a Webhook) -> Self {
        Self {
            id: webhook.id.as_str(),
            url: &webhook.url,
            secret: webhook.secret.expose(),
            status: if webhook.enabled { "active" } else { "disabled" },
            context_limit: webhook.history_limit,
            timeout: webhook.timeout_s,
            created_at: webhook.created_at.iso8601(),
        }
    }
}

/// `{id, messageId, eventType, channel, status, httpStatus, errorMessage, responseBody, attemptCount, lastAttemptAt,
/// nextRetryAt, createdAt}`
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct DeliveryReply {
    id: String,
    message_id: Option<String>,
    event_type: String,
    channel: Option<String>,
    status: &'static str,
    http_status: Option<u16>,
    error_message: Option<String>,
    response_body: Option<String>,
    attempt_count: u32,
    last_attempt_at: Option<String>,
    next_retry_at: Option<String>,
    created_at: String,
}

impl From<Delivery> for DeliveryReply {
    fn from(delivery: Delivery) -> Self {
        let (error_message, next_retry_at) = (delivery.error().map(str::to_owned), delivery.next_retry_at);
        let last = delivery.attempts.into_iter().next_back();
        let last_attempt_at = last.as_ref().map(|attempt| attempt.at.iso8601());
        Self {
            id: delivery.key.id.to_string(),
            message_id: delivery.message_id,
            event_type: delivery.event_type,
            channel: delivery.channel,
            status: status_name(delivery.status),
            http_status: last.as_ref().and_then(|attempt| attempt.http_status),
            error_message,
            response_body: last.and_then(|attempt| attempt.response_body),
            attempt_count: delivery.attempt_count,
            last_attempt_at,
            next_retry_at: next_retry_at.map(|time| time.iso8601()),
            created_at: delivery.key.created_at.iso8601(),
        }
    }
}

/// AgentPhone's name for a delivery's status.
pub(super) const fn status_name(status: Status) -> &'static str {
    match status {
        Status::Pending => "pending",
        Status::Success => "success",
        Status::Failed | Status::Skipped => "failed",
    }
}

/// `{items, total, offset, limit}`
#[derive(Serialize, JsonSchema)]
pub(super) struct PageReply {
    items: Vec<DeliveryReply>,
    total: u64,
    offset: u16,
    limit: u16,
}

impl PageReply {
    pub(super) fn new(page: DeliveriesPage, request: &PageRequest) -> Self {
        let items = page.deliveries.into_iter().map(DeliveryReply::from).collect();
        Self { items, total: page.total, offset: request.offset, limit: request.limit }
    }
}

/// A request for a page of a list.
pub(super) struct PageRequest {
    pub(super) limit: u16,
    pub(super) offset: u16,
    pub(super) since: Option<Timestamp>,
}

/// `{success, httpStatus, errorMessage}`
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct TestReply {
    success: bool,
    http_status: Option<u16>,
    error_message: Option<String>,
}

impl From<&Outcome> for TestReply {
    fn from(outcome: &Outcome) -> Self {
        let error_message = outcome.error();
        Self {
            success: error_message.is_none(),
            http_status: outcome.answer().map(|answer| answer.status),
            error_message,
        }
    }
}

/// A removed webhook.
#[derive(Serialize, JsonSchema)]
pub(super) struct DeletedReply {
    pub(super) success: bool,
}

/// The agent in the path.
pub(super) fn agent(request: &Request) -> Result<Owner, ApiError> {
    agent_in_path(request).map(Owner::Agent)
}

/// The body that sets a webhook. The webhook gets a new secret, and each absent field takes its default.
#[derive(JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct SetRequest<'a> {
    url: &'a str,
    context_limit: Option<i64>,
    timeout: Option<i64>,
}

/// Reads the body that sets a webhook.
pub(super) fn read_set_request(request: &Request, require_https: bool) -> Result<PrimaryWebhookSettings, ApiError> {
    let body = read_object(body_bytes(request))?;
    let mut fields = Fields::new(PYDANTIC, "body", &body);
    let url = fields.required_string("url");
    let url = url.and_then(|url| fields.check_url("url", url, UrlLimits { chars_max: URL_CHARS_MAX, require_https }));
    let context_limit = fields.integer("contextLimit", CONTEXT_LIMITS, None);
    let timeout = fields.integer("timeout", TIMEOUT_MIN_S..=i64::from(TIMEOUT_MAX_S), None);
    fields.finish()?;
    Ok(SetRequest { url: url.unwrap_or_default(), context_limit, timeout }.into())
}

impl From<SetRequest<'_>> for PrimaryWebhookSettings {
    fn from(set: SetRequest<'_>) -> Self {
        let SetRequest { url, context_limit, timeout } = set;
        Self {
            dialect: DialectName::new(DIALECT.name),
            url: url.to_owned(),
            secret: SecretChoice::New,
            // AgentPhone's signature header is fixed. A header that the customer chose in AgentLine must not stay.
            signature_header: Choice::To(None),
            retries_max: RETRIES_MAX,
            timeout_s: timeout.and_then(|timeout| timeout.try_into().ok()).unwrap_or(TIMEOUT_DEFAULT_S),
            history_limit: context_limit.and_then(|limit| limit.try_into().ok()).unwrap_or(CONTEXT_LIMIT_DEFAULT),
        }
    }
}

/// The body of a test call.
#[derive(JsonSchema)]
pub(super) struct TestRequest<'a> {
    from: Option<&'a str>,
    to: Option<&'a str>,
    message: Option<&'a str>,
    channel: Option<&'a str>,
}

/// Reads the body of a test call, if there is one. The agent is the webhook's, or the agent of `?agentId=`.
pub(super) fn read_test_request(request: &Request, owner: &Owner) -> Result<TestMessage, ApiError> {
    let body = match body_bytes(request) {
        [] => Map::new(),
        bytes => read_object(bytes)?,
    };
    let mut fields = Fields::new(PYDANTIC, "body", &body);
    let test = TestRequest {
        from: fields.string("from"),
        to: fields.string("to"),
        message: fields.string("message"),
        channel: fields.string("channel"),
    };
    fields.finish()?;
    let or = |text: Option<&str>, default: &str| text.unwrap_or(default).to_owned();
    Ok(TestMessage {
        agent_id: owner.agent().map(ToString::to_string).or_else(|| query_parameter(request, "agentId")),
        from: or(test.from, "+15550100001"),
        to: or(test.to, "+15550100002"),
        message: or(test.message, "This is a test message."),
        channel: or(test.channel, "sms"),
    })
}

/// `?limit=`, from 1 to 100.
pub(super) fn read_limit(request: &Request) -> Result<u16, ApiError> {
    let query = read_query(request, &["limit"]);
    let mut fields = Fields::new(PYDANTIC, "query", &query);
    let limit = fields.integer("limit", LIMITS, None);
    fields.finish()?;
    Ok(limit.and_then(|limit| limit.try_into().ok()).unwrap_or(LIMIT_DEFAULT))
}

/// `?limit=&offset=&hours=`; without `hours`, the page covers the whole log.
pub(super) fn read_page_request(request: &Request, now: Timestamp) -> Result<PageRequest, ApiError> {
    let query = read_query(request, &["limit", "offset", "hours"]);
    let mut fields = Fields::new(PYDANTIC, "query", &query);
    let limit = fields.integer("limit", LIMITS, None);
    let offset = fields.integer("offset", 0..=OFFSET_MAX, None);
    let hours = fields.integer("hours", HOURS, None);
    fields.finish()?;
    Ok(PageRequest {
        limit: limit.and_then(|limit| limit.try_into().ok()).unwrap_or(LIMIT_DEFAULT),
        offset: offset.and_then(|offset| offset.try_into().ok()).unwrap_or(0),
        since: hours.map(|hours| ago(hours, now)),
    })
}

/// The start of the time that `?hours=` covers.
pub(super) fn read_since(request: &Request, now: Timestamp) -> Result<Timestamp, ApiError> {
    let query = read_query(request, &["hours"]);
    let mut fields = Fields::new(PYDANTIC, "query", &query);
    let hours = fields.integer("hours", HOURS, None);
    fields.finish()?;
    Ok(ago(hours.unwrap_or(HOURS_DEFAULT), now))
}

fn ago(hours: i64, now: Timestamp) -> Timestamp {
    now.minus(Duration::from_secs(60 * 60 * u64::try_from(hours).unwrap_or(0)))
}

/// AgentPhone's limits.
pub(super) fn limits() -> Vec<(&'static str, String)> {
    vec![
        ("retries", RETRIES_MAX.to_string()),
        ("`timeout`", format!("{TIMEOUT_MIN_S} to {TIMEOUT_MAX_S} seconds; {TIMEOUT_DEFAULT_S} by default")),
        ("`url`", format!("{URL_CHARS_MAX} characters")),
        ("`contextLimit`", format!("0 to {} messages; {CONTEXT_LIMIT_DEFAULT} by default", CONTEXT_LIMITS.end())),
        ("a page of a list", format!("{} rows behind an `offset` of at most {OFFSET_MAX}", LIMITS.end())),
        ("`hours`", HOURS.end().to_string()),
        ("lists and statistics of a project", format!("projects of up to {LISTED_MAX} webhooks")),
        (
            "`data.messageId` in the log",
            format!("{MESSAGE_ID_CHARS_MAX} characters; a longer id is sent, but not logged"),
        ),
    ]
}
