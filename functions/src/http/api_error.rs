//! The errors of API calls. Each API renders them in the shapes that its clients know.

use clients::store::StoreError;
use domain::Permission;
use rules::header::HeaderError;
use rules::url::UrlError;
use serde_json::Value;
use usecases::internal_error::InternalError;
use usecases::publish::PublishError;
use usecases::webhooks::WebhookError;

use super::reply::Reply;

/// Renders an error in the shape of one API.
pub type RenderError = fn(&ApiError) -> Reply;

/// An error of a call. [`ApiError::Internal`] is an error of Switchhook or AWS; every other error is the caller's.
#[derive(Debug)]
pub enum ApiError {
    /// The request has no bearer token.
    MissingKey,
    /// The key does not exist, or it has expired.
    InvalidKey,
    /// The key lacks this permission.
    Forbidden(Permission),
    /// The agent is not registered.
    AgentNotFound,
    /// The webhook does not exist.
    WebhookNotFound,
    /// The body is longer than [`BODY_BYTES_MAX`](super::read_request::BODY_BYTES_MAX).
    BodyTooLarge,
    /// The body is not a JSON object.
    InvalidBody(BodyError),
    /// These fields are not valid; never empty.
    InvalidFields(Vec<FieldError>),
    /// The owner has as many additional webhooks as allowed.
    WebhookLimit(usize),
    /// The tenant has more than [`LISTED_MAX`](clients::store::webhooks::LISTED_MAX) webhooks, the most that one call reads.
    TooManyWebhooks,
    /// An internal error. It is logged, and never shown to the caller.
    Internal(InternalError),
}

/// An error of the body as a whole.
#[derive(Debug)]
pub struct BodyError {
    /// The kind of the error.
    pub kind: BodyErrorKind,
    /// The parser's reason; empty for [`BodyErrorKind::NotObject`].
    pub reason: String,
    /// The byte at which the parser stopped.
    pub offset: usize,
}

/// Kinds of [`BodyError`].
#[derive(Debug, Clone, PartialEq)]
pub enum BodyErrorKind {
    /// There is no body.
    Missing,
    /// The body is not JSON.
    NotJson,
    /// The body is this JSON value instead of an object.
    NotObject(Value),
}

/// A field that is not valid.
#[derive(Debug)]
pub struct FieldError {
    /// `body`, `query`, `path` or `header`.
    pub part: &'static str,
    /// The field's path within the part: `authorization_credentials.token`. Empty for the part as a whole.
    pub field: String,
    /// The rule that it breaks.
    pub rule: Rule,
    /// The field's value; for a missing field the object that lacks it.
    pub input: Value,
}

/// A rule that a field's value breaks. Each API has its own sentence for each rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rule {
    /// The field is required.
    Required,
    /// The field is unknown.
    Unknown,
    /// The value has to be a string.
    String,
    /// The string has at least this many characters.
    CharsMin(usize),
    /// The string has at most this many characters.
    CharsMax(usize),
    /// The value has to be a whole number, from the second value to the third.
    Integer(IntegerError, i64, i64),
    /// The number is at least the first of these limits. The second is the maximum.
    Min(i64, i64),
    /// The number is at most the second of these limits. The first is the minimum.
    Max(i64, i64),
    /// The value has to be `true` or `false`.
    Boolean,
    /// The value has to be a list.
    List,
    /// The list has at least this many items.
    ItemsMin(usize),
    /// The list has at most this many items.
    ItemsMax(usize),
    /// The value has to be an object.
    Object,
    /// The value has to be one of the documented values.
    Choice,
    /// The value may occur only once.
    Distinct,
    /// The field has at most this many bytes in all.
    BytesMax(usize),
    /// The value has to be a URL.
    Url {
        /// Why the value is not a valid URL.
        error: UrlError,
        /// The longest URL, in characters.
        chars_max: usize,
        /// Whether `http` is refused.
        require_https: bool,
    },
    /// The value has to be the name of a header that a customer may set.
    HeaderName(HeaderError),
    /// The value has to be the value of a header.
    HeaderValue,
    /// The id belongs to an event with other content.
    IdReused,
    /// A rule that only one field has, as a sentence of its API.
    Other(String),
}

/// Why a value is not a whole number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IntegerError {
    /// It has another type.
    Type,
    /// It is a string that is not a number.
    Unparsable,
    /// It has a fraction.
    Fraction,
}

impl ApiError {
    /// An error of one field.
    #[must_use]
    pub fn field(part: &'static str, field: &str, rule: Rule) -> Self {
        Self::InvalidFields(vec![FieldError { part, field: field.to_owned(), rule, input: Value::Null }])
    }

    /// The internal error to log, if this error is internal.
    #[must_use]
    pub const fn internal(&self) -> Option<&InternalError> {
        if let Self::Internal(error) = self { Some(error) } else { None }
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        if matches!(error, StoreError::TooMany) { Self::TooManyWebhooks } else { Self::Internal(error.into()) }
    }
}

impl From<WebhookError> for ApiError {
    fn from(error: WebhookError) -> Self {
        match error {
            WebhookError::NoSuchAgent => Self::AgentNotFound,
            WebhookError::NotSet => Self::WebhookNotFound,
            WebhookError::TooMany(max) => Self::WebhookLimit(max),
            WebhookError::Contended => Self::Internal(InternalError::Webhook(error)),
            WebhookError::Store(error) => error.into(),
        }
    }
}

impl From<InternalError> for ApiError {
    fn from(error: InternalError) -> Self {
        Self::Internal(error)
    }
}

impl From<serde_json::Error> for ApiError {
    fn from(error: serde_json::Error) -> Self {
        Self::Internal(error.into())
    }
}

impl ApiError {
    /// The error of a publishing call. Its fields are named as in the body: `events[3].type` in a batch, else `type`.
    #[must_use]
    pub fn of_publishing(error: PublishError, is_batch: bool) -> Self {
        match error {
            PublishError::Internal(error) => Self::Internal(error),
            PublishError::KeyReused => {
                let rule = Rule::Other("was used for another request within the last 24 hours".to_owned());
                Self::field("header", "idempotency-key", rule)
            }
            PublishError::IdsReused(indexes) => {
                let field = |index| if is_batch { format!("events[{index}].id") } else { "id".to_owned() };
                let errors = indexes.into_iter().map(|index| FieldError {
                    part: "body",
                    field: field(index),
                    rule: Rule::IdReused,
                    input: Value::Null,
                });
                Self::InvalidFields(errors.collect())
            }
            PublishError::Invalid(fields) => {
                let errors = fields.into_iter().map(|invalid| {
                    let dot = if invalid.field.field.is_empty() { "" } else { "." };
                    let field = match is_batch {
                        true => format!("events[{}]{dot}{}", invalid.index, invalid.field.field),
                        false => invalid.field.field,
                    };
                    FieldError { part: "body", field, rule: Rule::Other(invalid.field.message), input: Value::Null }
                });
                Self::InvalidFields(errors.collect())
            }
        }
    }
}
