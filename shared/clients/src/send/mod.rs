//! The one client that calls customers' URLs. It connects only to addresses that [`address`](rules::address) permits.
//! It follows no redirect, uses no proxy, decompresses nothing, and stops at its time limit.

mod resolver;

use std::error::Error;
use std::fmt;
use std::sync::OnceLock;
use std::time::Duration;

use futures::future::BoxFuture;
use http::{HeaderMap, Method, StatusCode};
use rules::address::AllowedNetworks;
use url::{Host, Url};

use self::resolver::{AddressRefused, GuardedResolver};

/// The most bytes of an answer's body that are kept.
pub const ANSWER_BYTES_KEPT: usize = 1024;

/// The most bytes of an answer's body that are read. If the body is longer, the connection is closed instead of reused.
pub const ANSWER_BYTES_READ_MAX: usize = 64 * 1024;

/// The headers of a failed answer that are kept. They say why an endpoint refuses, and help its operator to find the
/// request. A success keeps the last alone.
pub const ANSWER_HEADERS_KEPT: [&str; 6] =
    ["content-type", "location", "retry-after", "server", "www-authenticate", "x-request-id"];

/// The most bytes of a kept header's value.
pub const ANSWER_HEADER_BYTES_KEPT: usize = 256;

/// How long an answer's body is read after its status. An endpoint that sends its body slowly must not occupy the
/// function.
pub const BODY_TIMEOUT: Duration = Duration::from_secs(2);

/// The longest wait for a connection.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long an idle connection is kept: shorter than what receivers' load balancers commonly allow.
const IDLE_TIMEOUT: Duration = Duration::from_secs(50);

/// A request to a customer's URL.
#[derive(Debug)]
pub struct Request<'a> {
    /// `POST`, in most dialects.
    pub method: Method,
    /// The URL as the customer wrote it.
    pub url: &'a str,
    /// All headers but `Host` and `Content-Length`.
    pub headers: HeaderMap,
    /// The body, as signed.
    pub body: Vec<u8>,
    /// The time limit, from the DNS look-up to the end of the answer.
    pub timeout: Duration,
}

/// An endpoint's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The first [`ANSWER_BYTES_KEPT`] bytes of the body, as text.
    pub body: String,
    /// The `Retry-After` header, as sent.
    pub retry_after: Option<String>,
    /// The headers of [`ANSWER_HEADERS_KEPT`] that the answer has, as text.
    pub headers: Vec<(String, String)>,
}

impl Answer {
    /// Whether the status is a 2xx. Every other status is a failure.
    #[must_use]
    pub const fn is_success(&self) -> bool {
        200 <= self.status && self.status < 300
    }
}

/// Why there is no answer. The error message is for the customer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// The URL is not valid.
    #[error("The URL is not valid.")]
    Url,
    /// TLS cannot be set up in this process.
    #[error("The request could not be made.")]
    Setup,
    /// The webhook was set before `https` was required.
    #[error("The URL has to be https.")]
    NotHttps,
    /// The URL leads to an address that is neither public nor allowed.
    #[error("The address {0} is not allowed.")]
    AddressRefused(std::net::IpAddr),
    /// The host name has no address.
    #[error("The host name could not be resolved.")]
    Dns,
    /// The connection was not accepted, or TLS failed.
    #[error("The connection could not be made: {0}.")]
    Connect(String),
    /// The time limit passed.
    #[error("No answer within {0} seconds.")]
    Timeout(u64),
    /// The connection ended, or the answer was not HTTP.
    #[error("The connection broke before an answer was complete: {0}.")]
    Broken(String),
}

/// The TLS library could not be set up.
#[derive(Debug, thiserror::Error)]
#[error("the HTTP client could not be set up")]
pub struct SetupError(#[source] reqwest::Error);

/// Sends requests to customers' URLs.
pub trait SendRequest: fmt::Debug + Send + Sync {
    /// Sends `request` and reads the start of the answer.
    ///
    /// # Errors
    /// Where no status arrives within the limits. An answer whose body breaks off is not an error.
    fn send<'a>(&'a self, request: Request<'a>) -> BoxFuture<'a, Result<Answer, SendError>>;

    /// Sets up TLS in advance, for a function that will send requests.
    ///
    /// # Errors
    /// Where the TLS library cannot be set up.
    fn prepare(&self) -> Result<(), SetupError>;
}

/// Sends over HTTP, to permitted addresses only.
#[derive(Debug)]
pub struct HttpSender {
    /// Set up at the first use, because most functions send no request and reading the system's certificates takes
    /// time.
    client: OnceLock<reqwest::Client>,
    allowed: AllowedNetworks,
    require_https: bool,
}

impl SendRequest for HttpSender {
    fn send<'a>(&'a self, request: Request<'a>) -> BoxFuture<'a, Result<Answer, SendError>> {
        Box::pin(self.call(request))
    }

    fn prepare(&self) -> Result<(), SetupError> {
        self.client().map(|_client| ())
    }
}

impl HttpSender {
    /// A sender that reaches the public internet and the `allowed` networks. With `require_https`, it refuses `http`
    /// URLs.
    #[must_use]
    pub fn new(allowed: AllowedNetworks, require_https: bool) -> Self {
        Self { client: OnceLock::new(), allowed, require_https }
    }

    fn client(&self) -> Result<&reqwest::Client, SetupError> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let client = reqwest::Client::builder()
            .dns_resolver(GuardedResolver::new(self.allowed.clone()))
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .no_gzip()
            .no_brotli()
            .no_deflate()
            .no_zstd()
            .connect_timeout(CONNECT_TIMEOUT)
            .pool_idle_timeout(IDLE_TIMEOUT)
            .build()
            .map_err(SetupError)?;
        // If two calls set up a client at the same time, the first client is kept.
        Ok(self.client.get_or_init(|| client))
    }

    async fn call(&self, request: Request<'_>) -> Result<Answer, SendError> {
        let url = Url::parse(request.url).or(Err(SendError::Url))?;
        if self.require_https && url.scheme() != "https" {
            return Err(SendError::NotHttps);
        }
        self.check_literal_address(&url)?;
        let timeout = request.timeout;
        let client = self.client().map_err(|error| {
            tracing::error!(
                error = &error as &dyn Error,
                "no request can be sent: the HTTP client could not be set up"
            );
            SendError::Setup
        })?;
        let mut response = client
            .request(request.method, url)
            .headers(request.headers)
            .body(request.body)
            .timeout(timeout)
            .send()
            .await
            .map_err(|error| classify(&error, timeout))?;
        let status = response.status().as_u16();
        let retry_after = response.headers().get(http::header::RETRY_AFTER);
        let retry_after = retry_after.and_then(|value| value.to_str().ok()).map(str::to_owned);
        let headers = kept_headers(response.status(), response.headers());
        let (mut body, read) = (Vec::new(), BODY_TIMEOUT.min(timeout));
        // After the timeout, the bytes that were read so far are kept.
        let complete = tokio::time::timeout(read, read_start(&mut response, &mut body)).await;
        tracing::trace!(complete = complete.is_ok(), "an answer's body was read");
        Ok(Answer { status, body: text(&body, ANSWER_BYTES_KEPT), retry_after, headers })
    }

    /// Checks a host that is an IP address. Such a host needs no look-up, so the resolver never sees it.
    fn check_literal_address(&self, url: &Url) -> Result<(), SendError> {
        let address = match url.host() {
            Some(Host::Ipv4(address)) => address.into(),
            Some(Host::Ipv6(address)) => address.into(),
            Some(Host::Domain(_)) => return Ok(()),
            None => return Err(SendError::Url),
        };
        if self.allowed.permit(address) { Ok(()) } else { Err(SendError::AddressRefused(address)) }
    }
}

/// Reads until the body ends or a limit is reached. A body that breaks off is not an error, because the status has
/// already decided between success and failure.
async fn read_start(response: &mut reqwest::Response, kept: &mut Vec<u8>) {
    let mut read = 0;
    while let Ok(Some(chunk)) = response.chunk().await {
        read += chunk.len();
        let missing = ANSWER_BYTES_KEPT - kept.len();
        kept.extend_from_slice(chunk.get(..missing).unwrap_or(&chunk));
        if read > ANSWER_BYTES_READ_MAX {
            return;
        }
    }
}

fn kept_headers(status: StatusCode, headers: &HeaderMap) -> Vec<(String, String)> {
    let names = if status.is_success() { &ANSWER_HEADERS_KEPT[5..] } else { &ANSWER_HEADERS_KEPT };
    let kept = names.iter().filter_map(|name| {
        let value = text(headers.get(*name)?.as_bytes(), ANSWER_HEADER_BYTES_KEPT);
        Some(((*name).to_owned(), value))
    });
    kept.collect()
}

/// At most `bytes_max` bytes of text. If the kept bytes end within a character, its replacement character is longer, so
/// the text is cut again.
fn text(bytes: &[u8], bytes_max: usize) -> String {
    let mut text = String::from_utf8_lossy(bytes.get(..bytes_max).unwrap_or(bytes)).into_owned();
    text.truncate(text.floor_char_boundary(bytes_max));
    text
}

fn classify(error: &reqwest::Error, timeout: Duration) -> SendError {
    let causes = || std::iter::successors(error.source(), |&cause| cause.source());
    if let Some(refused) = causes().find_map(|cause| cause.downcast_ref::<AddressRefused>()) {
        return SendError::AddressRefused(refused.0);
    }
    if causes().any(|cause| cause.is::<resolver::LookupFailed>()) {
        return SendError::Dns;
    }
    // The innermost cause says what happened. The outer causes only say where in our client it happened.
    let innermost = causes().last().map(ToString::to_string).unwrap_or_default();
    if error.is_connect() {
        if error.is_timeout() {
            SendError::Timeout(timeout.min(CONNECT_TIMEOUT).as_secs())
        } else {
            SendError::Connect(innermost)
        }
    } else if error.is_timeout() {
        SendError::Timeout(timeout.as_secs())
    } else {
        SendError::Broken(innermost)
    }
}
