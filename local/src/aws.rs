//! Configuration that points the AWS SDK at the embedded stores.

use aws_config::{BehaviorVersion, Region, SdkConfig};

/// The region of the embedded stores. A client's own region is ignored.
pub const REGION: &str = "us-east-1";

/// Environment variables that point every AWS SDK at `endpoint` instead of AWS. The stores check no credentials.
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

/// An SDK configuration that points at `endpoint` instead of AWS. The stores check no credentials.
pub async fn config(endpoint: &str) -> SdkConfig {
    aws_config::defaults(BehaviorVersion::latest())
        .region(Region::from_static(REGION))
        .test_credentials()
        .endpoint_url(endpoint)
        .load()
        .await
}
