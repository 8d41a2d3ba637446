//! The AWS SDK, pointed at embedded stores.

use aws_config::{BehaviorVersion, Region, SdkConfig};

const REGION: &str = "us-east-1";

/// The environment in which every AWS SDK reaches `endpoint` instead of AWS. The stores check no credentials.
#[must_use]
pub fn environment(endpoint: &str) -> [(String, String); 4] {
    [
        ("AWS_ENDPOINT_URL", endpoint),
        ("AWS_REGION", REGION),
        ("AWS_ACCESS_KEY_ID", "local"),
        ("AWS_SECRET_ACCESS_KEY", "local"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
}

/// A configuration that reaches `endpoint` instead of AWS. The stores check no credentials.
pub async fn config(endpoint: &str) -> SdkConfig {
    aws_config::defaults(BehaviorVersion::latest())
        .region(Region::from_static(REGION))
        .test_credentials()
        .endpoint_url(endpoint)
        .load()
        .await
}
