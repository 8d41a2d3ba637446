//! The options of a webhook's requests that a customer may choose, besides the URL.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::Secret;

/// How a webhook's deliveries are sent. The default is right for most dialects.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RequestOptions {
    /// The HTTP method.
    pub method: Method,
    /// The sender's credentials, besides the signatures.
    pub authorization: Authorization,
    /// Headers that the customer chose, in the customer's order. No name occurs twice.
    pub headers: Vec<CustomHeader>,
    /// Payload templates (JSON), which replace the dialect's own bodies. The key is the event type, by its name in the
    /// dialect.
    pub templates: BTreeMap<String, String>,
}

/// The HTTP method of a delivery.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    /// `POST`
    #[default]
    Post,
    /// `PUT`
    Put,
    /// `PATCH`
    Patch,
}

impl Method {
    /// `POST`, `PUT` or `PATCH`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
        }
    }
}

/// A header that the customer chose. Its value may be a token, so no `Debug` form shows the value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomHeader {
    /// A token that is not a reserved header.
    pub name: String,
    /// Visible ASCII characters, spaces and tabs.
    pub value: Secret,
}

/// Credentials that go with each delivery, in one header.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Authorization {
    /// No credentials.
    #[default]
    None,
    /// `Authorization: Bearer <token>`
    Bearer {
        /// The token.
        token: Secret,
    },
    /// `Authorization: Basic <base64 of username:password>`
    Basic {
        /// The user name, without a colon.
        username: String,
        /// The password.
        password: Secret,
    },
    /// An API key in a header.
    ApiKey(CustomHeader),
    /// Any other header.
    Custom(CustomHeader),
}

impl Authorization {
    /// The name and value of the header that carries the credentials.
    #[must_use]
    pub fn header(&self) -> Option<(&str, String)> {
        match self {
            Self::None => None,
            Self::Bearer { token } => Some(("authorization", format!("Bearer {}", token.expose()))),
            Self::Basic { username, password } => {
                let credentials = STANDARD.encode(format!("{username}:{}", password.expose()));
                Some(("authorization", format!("Basic {credentials}")))
            }
            Self::ApiKey(header) | Self::Custom(header) => Some((&header.name, header.value.expose().to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_authorization_is_one_header() {
        let secret = |text: &str| Secret::new(text.to_owned());
        assert_eq!(Authorization::None.header(), None);
        let bearer = Authorization::Bearer { token: secret("abc") };
        assert_eq!(bearer.header(), Some(("authorization", "Bearer abc".to_owned())));
        // The example of RFC 7617.
        let basic = Authorization::Basic { username: "Aladdin".to_owned(), password: secret("open sesame") };
        assert_eq!(basic.header(), Some(("authorization", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==".to_owned())));
        let key = Authorization::ApiKey(CustomHeader { name: "X-API-Key".to_owned(), value: secret("k") });
        assert_eq!(key.header(), Some(("X-API-Key", "k".to_owned())));
    }
}
