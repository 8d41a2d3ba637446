//! Builds a function's [`App`] from the process's environment.

use std::time::Duration;

use aws_config::BehaviorVersion;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::Client as DynamoDb;
use aws_sdk_sqs::Client as Sqs;
use aws_smithy_http_client::Builder as HttpBuilder;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use rules::settings::{InvalidSettings, Settings};
use usecases::app::App;
use usecases::metrics::Metrics;

use crate::dialects::DIALECTS;

/// The longest that one try of an AWS call may take.
const AWS_ATTEMPT_TIMEOUT: Duration = Duration::from_secs(3);

/// The longest that an AWS call may take with its retries. It is well below the time that a function has left after its
/// other work.
const AWS_CALL_TIMEOUT: Duration = Duration::from_secs(8);

/// The app with the settings from the environment, and with metrics.
///
/// # Errors
/// Where settings are missing or not valid. The error names all of them.
pub async fn app_from_env() -> Result<App, InvalidSettings> {
    let settings = Settings::from_env()?;
    let timeouts = TimeoutConfig::builder()
        .operation_attempt_timeout(AWS_ATTEMPT_TIMEOUT)
        .operation_timeout(AWS_CALL_TIMEOUT)
        .build();
    // All clients share this HTTP client: each client of its own would read the system's certificates again.
    let http = HttpBuilder::new().tls_provider(Provider::Rustls(CryptoMode::AwsLc)).build_https();
    let aws = aws_config::defaults(BehaviorVersion::latest()).http_client(http).timeout_config(timeouts).load().await;
    let metrics = Metrics::of(&settings.metrics_namespace);
    Ok(App { metrics, ..App::new(settings, DIALECTS, DynamoDb::new(&aws), Sqs::new(&aws)) })
}
