//! Serves the HTTP API as API Gateway does. Routes come from the template, and a request becomes an event of API
//! Gateway's. API Gateway's limits apply, and so do its own error answers.

use std::collections::{BTreeMap, HashMap};
use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use aws_lambda_events::event::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use axum::Router;
use axum::body::Body;
use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{ConnectInfo, RawPathParams, Request};
use axum::response::Response;
use axum::routing::any;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use functions::find_function;
use functions::function::{self, Endpoint};
use functions::limits::{PATH_BYTES_MAX, REQUEST_MIB_MAX};
use http::header::{CONTENT_TYPE, HOST, HeaderValue};
use http::request::Parts;
use http::{Method, StatusCode, Uri};
use http_body_util::LengthLimitError;
use lambda_http::{Body as LambdaBody, Service};
use url::Url;
use usecases::app::App;

use crate::invoke;
use crate::template::{Template, Trigger};

/// Lambda's limit on an invocation's event, and on its answer.
const PAYLOAD_BYTES_MAX: usize = REQUEST_MIB_MAX * 1024 * 1024;

/// The longest DNS name, and a port such as `:65535`.
const HOST_BYTES_MAX: usize = 253 + 6;

/// How long API Gateway waits for a function.
const INTEGRATION_TIMEOUT: Duration = Duration::from_secs(30);

/// The function behind one route.
#[derive(Clone)]
struct Route {
    app: Arc<App>,
    name: &'static str,
    endpoint: Endpoint,
    timeout: Duration,
}

/// The routes that the template lists, in one router for each method. So `GET /webhooks/test` matches the route
/// `GET /webhooks/{id}`, although `POST /webhooks/test` is a route of its own.
pub(crate) fn router(template: &Template, app: &Arc<App>) -> Result<Router> {
    let mut routers: HashMap<Method, Router> = HashMap::new();
    for function in template.functions.values() {
        let found = find_function::by_name(&function.name);
        let found = found.with_context(|| format!("no function {}", function.name))?;
        for trigger in &function.triggers {
            let (Trigger::Route { method, path }, function::Trigger::Http(endpoint)) = (trigger, found.trigger) else {
                continue;
            };
            let timeout = function.timeout.min(INTEGRATION_TIMEOUT);
            let route = Route { app: app.clone(), name: found.name, endpoint, timeout };
            let handler = move |address, parameters, request| serve(route.clone(), address, parameters, request);
            let router = routers.entry(Method::try_from(method.as_str())?).or_default();
            *router = std::mem::take(router).route(path, any(handler));
        }
    }
    routers.values_mut().for_each(|router| *router = std::mem::take(router).fallback(not_found));
    let routers = Arc::new(routers);
    let dispatch = async move |request: Request| match routers.get(request.method()) {
        Some(router) => router.clone().call(request).await.unwrap_or_else(|never| match never {}),
        None => not_found().await,
    };
    Ok(Router::new().fallback(dispatch))
}

async fn not_found() -> Response {
    message(StatusCode::NOT_FOUND, "Not Found")
}

async fn serve(
    route: Route,
    ConnectInfo(address): ConnectInfo<SocketAddr>,
    parameters: Result<RawPathParams, RawPathParamsRejection>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(parameters) = parameters else { return message(StatusCode::BAD_REQUEST, "Bad Request") };
    if !parts.headers.get(HOST).is_none_or(is_host) {
        return message(StatusCode::BAD_REQUEST, "Bad Request");
    }
    if parts.uri.to_string().len() > PATH_BYTES_MAX {
        return message(StatusCode::URI_TOO_LONG, "Request-URI Too Long");
    }
    let body = match tokio::time::timeout(INTEGRATION_TIMEOUT, axum::body::to_bytes(body, PAYLOAD_BYTES_MAX)).await {
        Ok(Ok(body)) => body,
        Ok(Err(error)) if error.source().is_some_and(|cause| cause.is::<LengthLimitError>()) => {
            return message(StatusCode::PAYLOAD_TOO_LARGE, "Request Too Long");
        }
        Ok(Err(_)) => return message(StatusCode::BAD_REQUEST, "Bad Request"),
        Err(_) => return message(StatusCode::REQUEST_TIMEOUT, "Request Timeout"),
    };
    let parameters = parameters.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let event = api_gateway_event(&parts, parameters, body, address);
    if !fits(&event) {
        return message(StatusCode::PAYLOAD_TOO_LARGE, "Request Too Long");
    }
    let answer =
        invoke::run_invocation(route.name, route.timeout, invoke::http(route.app, route.endpoint, event)).await;
    answer
        .flatten()
        .and_then(response)
        .unwrap_or_else(|| message(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error"))
}

/// Whether `host` is valid in a URL. API Gateway refuses any other host, and `lambda_http` relies on that.
fn is_host(host: &HeaderValue) -> bool {
    let url = host.to_str().ok().map(|host| format!("http://{host}/"));
    let is_url = url.is_some_and(|url| Url::parse(&url).is_ok_and(|url| Uri::try_from(url.as_str()).is_ok()));
    host.len() <= HOST_BYTES_MAX && is_url
}

/// Whether Lambda would accept the event. Lambda counts the event's JSON, in which a quote of the body takes two bytes.
fn fits(event: &ApiGatewayV2httpRequest) -> bool {
    let body_bytes = event.body.as_ref().map_or(0, String::len);
    let counted = || serde_json::to_string(event).map_or(usize::MAX, |text| text.len());
    body_bytes < PAYLOAD_BYTES_MAX / 8 || counted() <= PAYLOAD_BYTES_MAX
}

/// The request as an event in API Gateway's payload format 2.0.
fn api_gateway_event(
    parts: &Parts,
    path_parameters: BTreeMap<String, String>,
    body: Bytes,
    address: SocketAddr,
) -> ApiGatewayV2httpRequest {
    let mut event = ApiGatewayV2httpRequest::default();
    event.version = Some("2.0".to_owned());
    event.raw_path = Some(parts.uri.path().to_owned());
    event.raw_query_string = Some(parts.uri.query().unwrap_or_default().to_owned());
    event.path_parameters = path_parameters.into_iter().collect();
    event.headers = parts.headers.clone();
    event.headers.insert("x-forwarded-proto", HeaderValue::from_static("http"));
    let context = &mut event.request_context;
    context.stage = Some("$default".to_owned());
    context.http.method = parts.method.clone();
    context.http.path = event.raw_path.clone();
    context.http.source_ip = Some(address.ip().to_string());
    match String::from_utf8(body.into()) {
        Ok(text) if text.is_empty() => {}
        Ok(text) => event.body = Some(text),
        Err(error) => {
            event.is_base64_encoded = true;
            event.body = Some(STANDARD.encode(error.into_bytes()));
        }
    }
    event
}

fn response(answer: ApiGatewayV2httpResponse) -> Option<Response> {
    let body = match answer.body {
        Some(LambdaBody::Text(text)) => text.into_bytes(),
        Some(LambdaBody::Binary(bytes)) => bytes,
        _ => Vec::new(),
    };
    if body.len() > PAYLOAD_BYTES_MAX {
        return None;
    }
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(u16::try_from(answer.status_code).ok()?).ok()?;
    *response.headers_mut() = answer.headers;
    Some(response)
}

/// An answer that API Gateway gives itself, without a function.
fn message(status: StatusCode, text: &str) -> Response {
    let mut response = Response::new(Body::from(format!(r#"{{"message":"{text}"}}"#)));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
