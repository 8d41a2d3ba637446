//! Error messages of calls to AWS. The `Debug` form of the SDK's errors is never shown: it contains requests and
//! answers, and so secrets.

use std::error::Error;
use std::fmt;

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};

/// Why a call to AWS failed: the service's error code and message, or the reason why there was no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AwsFailure {
    code: Option<String>,
    message: String,
}

impl AwsFailure {
    pub(crate) fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { code: Some(code.into()), message: message.into() }
    }

    pub(crate) fn of<E, R>(error: &SdkError<E, R>) -> Self
    where
        E: Error + ProvideErrorMetadata + 'static,
        R: fmt::Debug,
    {
        let causes = std::iter::successors(error.source(), |&cause| cause.source());
        let on_the_way = || {
            let causes: Vec<String> = causes.map(ToString::to_string).collect();
            if causes.is_empty() { error.to_string() } else { causes.join(": ") }
        };
        let code = error.code().map(str::to_owned);
        let message = error.message().map_or_else(on_the_way, str::to_owned);
        Self { code, message }
    }
}

impl fmt::Display for AwsFailure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.code {
            Some(code) => write!(formatter, "{code}: {}", self.message),
            None => formatter.write_str(&self.message),
        }
    }
}
