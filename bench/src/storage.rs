//! The bytes that DynamoDB stores, by its rules for the size of an item:
//! <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html>

use std::collections::HashMap;

use anyhow::{Context, Result};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use domain::time::{Clock, SECONDS_A_DAY};
use local::aws;
use rules::settings::{SETTINGS, Source};
use serde::Serialize;

/// Bytes that DynamoDB adds to each item and to each index entry.
const OVERHEAD_BYTES: u64 = 100;

/// Bytes that DynamoDB adds to a list or a map, and to each of its elements.
const CONTAINER_BYTES: u64 = 3;
const ELEMENT_BYTES: u64 = 1;

/// The attribute with the time at which DynamoDB removes an item, in Unix seconds.
const EXPIRES_AT: &str = "expires_at";

type Item = HashMap<String, AttributeValue>;

/// Stored bytes, and how long they are stored.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub(crate) struct Stored {
    /// Of the tables' items.
    pub(crate) table_bytes: f64,
    /// Of the indexes' entries.
    pub(crate) index_bytes: f64,
    /// Bytes times the seconds until they expire. DynamoDB charges for these.
    pub(crate) table_byte_s: f64,
    pub(crate) index_byte_s: f64,
}

impl Stored {
    /// The bytes that were added since `before`, for each of `events` events.
    pub(crate) fn since(self, before: Self, events: f64) -> Self {
        Self {
            table_bytes: (self.table_bytes - before.table_bytes) / events,
            index_bytes: (self.index_bytes - before.index_bytes) / events,
            table_byte_s: (self.table_byte_s - before.table_byte_s) / events,
            index_byte_s: (self.index_byte_s - before.index_byte_s) / events,
        }
    }
}

/// Reads every item and every index entry of the stores at `stores_url`.
pub(crate) async fn measure(stores_url: &str) -> Result<Stored> {
    let (client, mut stored) = (Client::new(&aws::config(stores_url).await), Stored::default());
    let now_s = Clock::system().now().seconds();
    for table in client.list_tables().send().await?.table_names() {
        let (bytes, byte_s) = scan(&client, table, None, now_s).await?;
        stored.table_bytes += bytes;
        stored.table_byte_s += byte_s;
        let described = client.describe_table().table_name(table).send().await?;
        let indexes = described.table().map(|table| table.global_secondary_indexes()).unwrap_or_default();
        for index in indexes.iter().filter_map(|index| index.index_name()) {
            let (bytes, byte_s) = scan(&client, table, Some(index), now_s).await?;
            stored.index_bytes += bytes;
            stored.index_byte_s += byte_s;
        }
    }
    Ok(stored)
}

/// The bytes of a table or an index, and the same times the seconds until they expire.
async fn scan(client: &Client, table: &str, index: Option<&str>, now_s: i64) -> Result<(f64, f64)> {
    let scan = client.scan().table_name(table).set_index_name(index.map(str::to_owned));
    let mut items = scan.into_paginator().items().send();
    let (mut bytes, mut byte_s) = (0.0, 0.0);
    while let Some(item) = items.next().await {
        let item = item?;
        #[allow(clippy::cast_precision_loss, reason = "an item has at most 400 KiB")]
        let size = item_bytes(&item) as f64;
        bytes += size;
        byte_s += size * remaining_s(&item, now_s)?;
    }
    Ok((bytes, byte_s))
}

/// The seconds until DynamoDB removes an item. An item that never expires counts for the default retention.
fn remaining_s(item: &Item, now_s: i64) -> Result<f64> {
    let remaining = match item.get(EXPIRES_AT) {
        Some(AttributeValue::N(expires_at)) => expires_at.parse::<i64>()? - now_s,
        Some(_) | None => retention_days()? * SECONDS_A_DAY,
    };
    #[allow(clippy::cast_precision_loss, reason = "far below 2^52")]
    Ok(remaining.max(0) as f64)
}

/// The default of the setting `RETENTION_DAYS`.
fn retention_days() -> Result<i64> {
    let setting = SETTINGS.iter().find(|setting| setting.field == "retention_days").context("retention_days")?;
    match setting.source {
        Source::Parameter(default, _) => Ok(default.parse()?),
        Source::Resource(_) | Source::NewResource(_) | Source::Secret | Source::StackName(_) => {
            anyhow::bail!("retention_days has no default")
        }
    }
}

/// The stored bytes of an item or an index entry.
fn item_bytes(item: &Item) -> u64 {
    OVERHEAD_BYTES + item.iter().map(|(name, value)| name.len() as u64 + value_bytes(value)).sum::<u64>()
}

#[allow(clippy::wildcard_enum_match_arm, reason = "the SDK's enum may grow, and unknown values have no size")]
fn value_bytes(value: &AttributeValue) -> u64 {
    match value {
        AttributeValue::S(text) => text.len() as u64,
        AttributeValue::N(number) => number_bytes(number),
        AttributeValue::B(bytes) => bytes.as_ref().len() as u64,
        AttributeValue::Bool(_) | AttributeValue::Null(_) => 1,
        AttributeValue::Ss(texts) => texts.iter().map(|text| text.len() as u64).sum(),
        AttributeValue::Ns(numbers) => numbers.iter().map(|number| number_bytes(number)).sum(),
        AttributeValue::Bs(all) => all.iter().map(|bytes| bytes.as_ref().len() as u64).sum(),
        AttributeValue::L(values) => {
            CONTAINER_BYTES + values.iter().map(|value| ELEMENT_BYTES + value_bytes(value)).sum::<u64>()
        }
        AttributeValue::M(values) => {
            let element =
                |(name, value): (&String, &AttributeValue)| ELEMENT_BYTES + name.len() as u64 + value_bytes(value);
            CONTAINER_BYTES + values.iter().map(element).sum::<u64>()
        }
        _ => 0,
    }
}

/// One byte for two significant digits, and one more. A minus sign takes another byte.
fn number_bytes(number: &str) -> u64 {
    let mantissa = number.split(['e', 'E']).next().unwrap_or_default();
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    let significant = digits.trim_start_matches('0').trim_end_matches('0').len() as u64;
    significant.div_ceil(2) + 1 + u64::from(number.starts_with('-'))
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::primitives::Blob;

    use super::*;

    fn bytes(name: &str, value: AttributeValue) -> u64 {
        item_bytes(&HashMap::from([(name.to_owned(), value)])) - OVERHEAD_BYTES
    }

    #[test]
    fn an_item_has_the_size_that_dynamodb_charges_for() {
        assert_eq!(item_bytes(&HashMap::new()), 100, "each item has 100 bytes of overhead");
        assert_eq!(bytes("pk", AttributeValue::S("grün".to_owned())), 2 + 5);
        assert_eq!(bytes("b", AttributeValue::B(Blob::new([0; 7]))), 1 + 7);
        assert_eq!(bytes("ok", AttributeValue::Bool(true)), 2 + 1);
        for (number, size) in [("0", 1), ("7", 2), ("12", 2), ("123", 3), ("1200", 2), ("0.05", 2), ("-12", 3)] {
            assert_eq!(bytes("n", AttributeValue::N(number.to_owned())), 1 + size, "{number}");
        }
        let list = AttributeValue::L(vec![AttributeValue::S("ab".to_owned()), AttributeValue::Null(true)]);
        assert_eq!(bytes("l", list), 1 + 3 + (1 + 2) + (1 + 1));
        let map = AttributeValue::M(HashMap::from([("name".to_owned(), AttributeValue::S("x".to_owned()))]));
        assert_eq!(bytes("m", map), 1 + 3 + (1 + 4 + 1));
    }

    #[test]
    fn an_item_is_stored_until_it_expires_and_otherwise_for_the_default_retention() {
        let expiring = HashMap::from([(EXPIRES_AT.to_owned(), AttributeValue::N("1060".to_owned()))]);
        assert_eq!(remaining_s(&expiring, 1_000).unwrap(), 60.0);
        assert_eq!(remaining_s(&expiring, 2_000).unwrap(), 0.0);
        assert_eq!(remaining_s(&HashMap::new(), 1_000).unwrap(), 30.0 * 86_400.0);
    }
}
