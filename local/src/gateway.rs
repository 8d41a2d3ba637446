//! The HTTP API, as API Gateway serves it: routes from the template, requests as its events, its limits, its own
//! answers.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use aws_lambda_events::event::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, RawPathParams, Request};
use axum::response::Response;
use axum::routing::{MethodFilter, on};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use functions::app::App;
use functions::function::{Handler, HttpHandler};
use functions::functions::FUNCTIONS;
use http::header::{CONTENT_TYPE, HOST, HeaderValue};
use http::request::Parts;
use http::uri::Authority;
use http::{Method, StatusCode};
use lambda_http::Body as LambdaBody;

use crate::invoke;
use crate::template::{Template, Trigger};

/// What Lambda takes of a request.
const BODY_BYTES_MAX: usize = 6 * 1024 * 1024;

/// What API Gateway waits for a function.
const INTEGRATION_TIMEOUT: Duration = Duration::from_secs(30);

/// One route's function.
#[derive(Clone)]
struct Route {
    app: Arc<App>,
    name: &'static str,
    handler: HttpHandler,
    timeout: Duration,
}

/// The routes that the template lists.
pub(crate) fn router(template: &Template, app: &Arc<App>) -> Result<Router> {
    let mut router = Router::new();
    for function in template.functions.values() {
        let found = FUNCTIONS.iter().find(|known| known.name == function.binary);
        let found = found.with_context(|| format!("no function {}", function.binary))?;
        for trigger in &function.triggers {
            let (Trigger::Route { method, path }, Handler::Http(handler)) = (trigger, found.handler) else { continue };
            let method = MethodFilter::try_from(Method::try_from(method.as_str())?)?;
            let timeout = function.timeout.min(INTEGRATION_TIMEOUT);
            let route = Route { app: app.clone(), name: found.name, handler, timeout };
            let serve = move |address, parameters, request| serve(route.clone(), address, parameters, request);
            router = router.route(path, on(method, serve));
        }
    }
    Ok(router.fallback(not_found).method_not_allowed_fallback(not_found))
}

async fn not_found() -> Response {
    message(StatusCode::NOT_FOUND, "Not Found")
}

async fn serve(
    route: Route,
    ConnectInfo(address): ConnectInfo<SocketAddr>,
    parameters: RawPathParams,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, BODY_BYTES_MAX).await else {
        return message(StatusCode::PAYLOAD_TOO_LARGE, "Request Too Long");
    };
    let parameters = parameters.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let event = event(&parts, parameters, body, address);
    let answer = invoke::contained(route.name, route.timeout, invoke::http(route.app, route.handler, event)).await;
    answer
        .flatten()
        .and_then(response)
        .unwrap_or_else(|| message(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error"))
}

/// The event of API Gateway's payload format 2.0.
fn event(
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
    // API Gateway lets no other pass, and `lambda_http` relies on it.
    if parts.headers.get(HOST).is_none_or(|host| Authority::try_from(host.as_bytes()).is_err()) {
        event.headers.insert(HOST, HeaderValue::from_static("localhost"));
    }
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
        Some(LambdaBody::Text(text)) => Body::from(text),
        Some(LambdaBody::Binary(bytes)) => Body::from(bytes),
        _ => Body::empty(),
    };
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(u16::try_from(answer.status_code).ok()?).ok()?;
    *response.headers_mut() = answer.headers;
    Some(response)
}

/// An answer of API Gateway's own.
fn message(status: StatusCode, text: &str) -> Response {
    let mut response = Response::new(Body::from(format!(r#"{{"message":"{text}"}}"#)));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
