//! Which headers a customer may choose. Pure. Headers are checked when they are set, so that no delivery has to leave
//! one out.

use http::{HeaderName, HeaderValue};

/// The longest header name that a customer may choose, in bytes.
pub const NAME_BYTES_MAX: usize = 128;
/// The longest header value that a customer may choose, in bytes.
pub const VALUE_BYTES_MAX: usize = 4096;

/// Reserved headers: they describe the HTTP message itself, or every delivery sets them.
const RESERVED: &[&str] = &[
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "expect",
    "host",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "traceparent",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "webhook-id",
    "webhook-signature",
    "webhook-timestamp",
];

/// Why a header is refused. The error message is for the customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// The name is not a header name, or is too long.
    #[error("a header name is 1 to {NAME_BYTES_MAX} letters, digits and !#$%&'*+-.^_`|~")]
    Name,
    /// The header is reserved: deliveries set it themselves.
    #[error("this header is set by the sender")]
    Reserved,
    /// The value is not a header value, or is too long.
    #[error("a header value is at most {VALUE_BYTES_MAX} visible ASCII characters, blanks and tabs")]
    Value,
}

/// Checks a name that a customer chose.
///
/// # Errors
/// Where the name is not a token (RFC 9110, 5.6.2), is too long, or is a reserved header.
pub fn check_name(name: &str) -> Result<(), HeaderError> {
    let parsed = HeaderName::try_from(name).or(Err(HeaderError::Name))?;
    if name.len() > NAME_BYTES_MAX {
        return Err(HeaderError::Name);
    }
    if RESERVED.contains(&parsed.as_str()) { Err(HeaderError::Reserved) } else { Ok(()) }
}

/// Checks a value that a customer chose.
///
/// # Errors
/// Where the value contains a control character, such as CR or LF, or a character beyond ASCII, or is too long.
pub fn check_value(value: &str) -> Result<(), HeaderError> {
    let parsed = HeaderValue::try_from(value).or(Err(HeaderError::Value))?;
    if value.len() > VALUE_BYTES_MAX || parsed.to_str().is_err() { Err(HeaderError::Value) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_that_nobody_else_sets_may_be_chosen() {
        for name in ["X-AgentLine-Signature", "X-Hub-Signature-256", "x", "X-Webhook-Signature", "authorization"] {
            assert_eq!(check_name(name), Ok(()), "{name}");
        }
        for name in ["", "a b", "a:b", "a\r\nb", "ä", &"x".repeat(129)] {
            assert_eq!(check_name(name), Err(HeaderError::Name), "{name}");
        }
        for name in [
            "Host",
            "Content-Length",
            "Transfer-Encoding",
            "CONNECTION",
            "Webhook-Id",
            "webhook-signature",
            "Traceparent",
        ] {
            assert_eq!(check_name(name), Err(HeaderError::Reserved), "{name}");
        }
    }

    #[test]
    fn values_cannot_break_out_of_their_line() {
        for value in ["", "Bearer abc", "a\tb"] {
            assert_eq!(check_value(value), Ok(()), "{value}");
        }
        for value in ["a\r\nb", "a\nb", "a\0b", "grüße", &"x".repeat(4097)] {
            assert_eq!(check_value(value), Err(HeaderError::Value), "{value}");
        }
    }
}
