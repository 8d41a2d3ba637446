//! What a customer may choose of the requests that its webhook is sent, beyond where they go.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::Secret;

/// How a webhook wants its deliveries sent. The default is what most dialects do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RequestOptions {
    /// The HTTP method.
    pub method: Method,
    /// How the sender proves who it is, besides the signatures.
    pub authorization: Authorization,
    /// Headers of the customer's own, in its order; no name twice.
    pub headers: Vec<CustomHeader>,
    /// Bodies in place of the dialect's own: by the event's name in the dialect, a template as JSON.
    pub templates: BTreeMap<String, String>,
}

/// A method that a delivery may be sent with.
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

/// A header that the customer chose. Its value may be a token: no `Debug` form shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomHeader {
    /// A token that the rules permits.
    pub name: String,
    /// Visible ASCII.
    pub value: Secret,
}

/// Credentials that go with each delivery, in one header.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Authorization {
    /// None.
    #[default]
    None,
    /// `Authorization: Bearer <token>`
    Bearer {
        /// The token.
        token: Secret,
    },
    /// `Authorization: Basic <base64 of username:password>`
    Basic {
        /// Without a colon.
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
    /// The header that carries it: its name and value.
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
