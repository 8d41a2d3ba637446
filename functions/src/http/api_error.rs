//! Why a call is not answered with its result. Each API renders these in the shapes that its clients know.

use clients::store::StoreError;
use domain::Permission;
use rules::header::HeaderError;
use rules::url::UrlError;
use serde_json::Value;
use usecases::internal_error::InternalError;
use usecases::publish::PublishError;
use usecases::webhooks::WebhookError;

use super::reply::Reply;

/// Writes an error as one API's clients know it.
pub type RenderError = fn(&ApiError) -> Reply;

/// An error of a call. [`ApiError::Internal`] is ours or AWS's; every other is the caller's.
#[derive(Debug)]
pub enum ApiError {
    /// No bearer token came with the request.
    MissingKey,
    /// There is no such key, or it has expired.
    InvalidKey,
    /// The key does not have the permission.
    Forbidden(Permission),
    /// The agent is not registered.
    AgentNotFound,
    /// There is no such webhook.
    WebhookNotFound,
    /// The body is longer than [`BODY_BYTES_MAX`](super::read_request::BODY_BYTES_MAX).
    BodyTooLarge,
    /// The body is not a JSON object.
    InvalidBody(BodyError),
    /// Some fields are not valid; never empty.
    InvalidFields(Vec<FieldError>),
    /// The owner has as many additional webhooks as it may.
    WebhookLimit(usize),
    /// The tenant has more webhooks than one call reads.
    TooManyWebhooks,
    /// Not the caller's: logged, and never shown.
    Internal(InternalError),
}

/// What is wrong with a body as a whole.
#[derive(Debug)]
pub struct BodyError {
    /// Which of the three it is.
    pub kind: BodyErrorKind,
    /// The parser's reason; empty for [`BodyErrorKind::NotObject`].
    pub reason: String,
    /// The byte at which the parser stopped.
    pub offset: usize,
}

/// Kinds of [`BodyError`].
#[derive(Debug, Clone, PartialEq)]
pub enum BodyErrorKind {
    /// There is none.
    Missing,
    /// It is not JSON.
    NotJson,
    /// It is this JSON value instead of an object.
    NotObject(Value),
}

/// One field that is not valid.
#[derive(Debug)]
pub struct FieldError {
    /// `body`, `query`, `path` or `header`.
    pub part: &'static str,
    /// The field, by its path within the part: `authorization_credentials.token`. Empty for the part as a whole.
    pub field: String,
    /// The rule that it breaks.
    pub rule: Rule,
    /// The value that was given; for a missing field the object that lacks it.
    pub input: Value,
}

/// A rule that a field's value breaks. Each API has its own sentence for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rule {
    /// It has to be there.
    Required,
    /// There is no field of that name.
    Unknown,
    /// It has to be a string.
    String,
    /// It has at least so many characters.
    CharsMin(usize),
    /// It has at most so many characters.
    CharsMax(usize),
    /// It has to be a whole number.
    Integer(IntegerError),
    /// It is at least this.
    Min(i64, i64),
    /// It is at most this.
    Max(i64, i64),
    /// It is `true` or `false`.
    Boolean,
    /// It is a list.
    List,
    /// The list has at least so many items.
    ItemsMin(usize),
    /// The list has at most so many items.
    ItemsMax(usize),
    /// It is an object.
    Object,
    /// It is one of the documented values.
    Choice,
    /// It occurs once.
    Distinct,
    /// All of it together has at most so many bytes.
    BytesMax(usize),
    /// It is a URL.
    Url {
        /// What is wrong with it.
        error: UrlError,
        /// Its longest length, in characters.
        chars_max: usize,
        /// Whether `http` is refused.
        require_https: bool,
    },
    /// It is the name of a header that a customer may set.
    HeaderName(HeaderError),
    /// It is the value of a header.
    HeaderValue,
    /// A rule that one field alone has, as its API words it.
    Other(String),
}

/// Why a value is no whole number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IntegerError {
    /// It is of another type.
    Type,
    /// It is a string that is no number.
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

    /// The error behind it that is to be logged.
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
    /// The error of publishing, whose fields are those of the body: `events[3].type` in a batch, else `type`.
    #[must_use]
    pub fn of_publishing(error: PublishError, is_batch: bool) -> Self {
        match error {
            PublishError::Internal(error) => Self::Internal(error),
            PublishError::KeyReused => {
                let rule = Rule::Other("was used for another request within the last 24 hours".to_owned());
                Self::field("header", "idempotency-key", rule)
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
