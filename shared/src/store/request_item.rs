//! A webhook's [`RequestOptions`] as the config table holds them, within the webhook's item.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::domain::{Authorization, CustomHeader, Method, RequestOptions, Secret};

#[derive(Default, PartialEq, Serialize, Deserialize)]
pub(super) struct RequestItem {
    method: Method,
    authorization: AuthorizationItem,
    headers: Vec<HeaderItem>,
    templates: BTreeMap<String, String>,
}

#[derive(PartialEq, Serialize, Deserialize)]
struct HeaderItem {
    name: String,
    value: String,
}

#[derive(Default, PartialEq, Serialize, Deserialize)]
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

impl RequestItem {
    /// Most webhooks choose nothing, and so store nothing.
    pub(super) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

impl From<&RequestOptions> for RequestItem {
    fn from(request: &RequestOptions) -> Self {
        Self {
            method: request.method,
            authorization: (&request.authorization).into(),
            headers: request.headers.iter().map(HeaderItem::from).collect(),
            templates: request.templates.clone(),
        }
    }
}

impl From<RequestItem> for RequestOptions {
    fn from(item: RequestItem) -> Self {
        Self {
            method: item.method,
            authorization: item.authorization.into(),
            headers: item.headers.into_iter().map(CustomHeader::from).collect(),
            templates: item.templates,
        }
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
