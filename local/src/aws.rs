//! The AWS SDK, pointed at embedded stores.

use aws_config::{BehaviorVersion, Region, SdkConfig};

/// A configuration that reaches `endpoint` instead of AWS. The stores check no credentials.
pub async fn config(endpoint: &str) -> SdkConfig {
    aws_config::defaults(BehaviorVersion::latest())
        .region(Region::from_static("us-east-1"))
        .test_credentials()
        .endpoint_url(endpoint)
        .load()
        .await
}
