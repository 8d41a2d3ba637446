//! A webhook's secrets, which are sealed together in the webhook's item.

use std::collections::BTreeMap;

use domain::time::Timestamp;
use domain::{Authorization, CustomHeader, Method, PreviousSecret, RequestOptions, Secret, Webhook};
use serde::{Deserialize, Serialize};

/// The parts of a webhook that must not be readable in the store.
#[derive(Serialize, Deserialize)]
pub(super) struct SecretsItem {
    secret: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    previous: Vec<PreviousSecretItem>,
    #[serde(default)]
    authorization: AuthorizationItem,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    headers: Vec<HeaderItem>,
}

#[derive(Serialize, Deserialize)]
struct PreviousSecretItem {
    secret: String,
    valid_until: Timestamp,
}

#[derive(Serialize, Deserialize)]
struct HeaderItem {
    name: String,
    value: String,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "scheme")]
enum AuthorizationItem {
    #[default]
    None,
    Bearer {
        token: String,
    },
    Basic {
        username: String,
        password: String,
    },
    ApiKey(HeaderItem),
    Custom(HeaderItem),
}

impl From<&Webhook> for SecretsItem {
    fn from(webhook: &Webhook) -> Self {
        Self {
            secret: webhook.secret.expose().to_owned(),
            previous: webhook.previous_secrets.iter().map(PreviousSecretItem::from).collect(),
            authorization: (&webhook.request.authorization).into(),
            headers: webhook.request.headers.iter().map(HeaderItem::from).collect(),
        }
    }
}

impl SecretsItem {
    /// The secret, the previous secrets, and the request options. `method` and `templates` are the options that are not
    /// sealed.
    pub(super) fn into_parts(
        self,
        method: Method,
        templates: BTreeMap<String, String>,
    ) -> (Secret, Vec<PreviousSecret>, RequestOptions) {
        let request = RequestOptions {
            method,
            authorization: self.authorization.into(),
            headers: self.headers.into_iter().map(CustomHeader::from).collect(),
            templates,
        };
        (Secret::new(self.secret), self.previous.into_iter().map(PreviousSecret::from).collect(), request)
    }
}

impl From<&PreviousSecret> for PreviousSecretItem {
    fn from(previous: &PreviousSecret) -> Self {
        Self { secret: previous.secret.expose().to_owned(), valid_until: previous.valid_until }
    }
}

impl From<PreviousSecretItem> for PreviousSecret {
    fn from(item: PreviousSecretItem) -> Self {
        Self { secret: Secret::new(item.secret), valid_until: item.valid_until }
    }
}

impl From<&CustomHeader> for HeaderItem {
    fn from(header: &CustomHeader) -> Self {
        Self { name: header.name.clone(), value: header.value.expose().to_owned() }
    }
}

impl From<HeaderItem> for CustomHeader {
    fn from(item: HeaderItem) -> Self {
        Self { name: item.name, value: Secret::new(item.value) }
    }
}

impl From<&Authorization> for AuthorizationItem {
    fn from(authorization: &Authorization) -> Self {
        match authorization {
            Authorization::None => Self::None,
            Authorization::Bearer { token } => Self::Bearer { token: token.expose().to_owned() },
            Authorization::Basic { username, password } => {
                Self::Basic { username: username.clone(), password: password.expose().to_owned() }
            }
            Authorization::ApiKey(header) => Self::ApiKey(header.into()),
            Authorization::Custom(header) => Self::Custom(header.into()),
        }
    }
}

impl From<AuthorizationItem> for Authorization {
    fn from(item: AuthorizationItem) -> Self {
        match item {
            AuthorizationItem::None => Self::None,
            AuthorizationItem::Bearer { token } => Self::Bearer { token: Secret::new(token) },
            AuthorizationItem::Basic { username, password } => {
                Self::Basic { username, password: Secret::new(password) }
            }
            AuthorizationItem::ApiKey(header) => Self::ApiKey(header.into()),
            AuthorizationItem::Custom(header) => Self::Custom(header.into()),
        }
    }
}
