//! Creates the template's tables and queues that do not exist yet. An existing table that lacks an index is an error:
//! the data is of an earlier version.

use std::collections::{BTreeMap, HashSet};

use anyhow::{Context, Result, bail};
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, Projection, TimeToLiveSpecification,
};
use aws_sdk_sqs::types::QueueAttributeName;

use crate::template::{Index, Key, Queue, Table, Template};

/// Creates missing tables and queues. Returns the value of `!Ref` for each: a table's name, a queue's URL. `remedy` is
/// the error's advice for data of an earlier version.
pub(crate) async fn provision(
    template: &Template,
    dynamodb: &aws_sdk_dynamodb::Client,
    sqs: &aws_sdk_sqs::Client,
    remedy: &str,
) -> Result<BTreeMap<String, String>> {
    let mut references = BTreeMap::new();
    for (name, table) in &template.tables {
        let is_new = create_table(dynamodb, name, table).await.with_context(|| format!("creating the table {name}"))?;
        if !is_new && let Some(index) = missing_index(dynamodb, name, table).await? {
            bail!("the table {name} is of an earlier version and has no index {index}: {remedy}");
        }
        references.insert(name.clone(), name.clone());
    }
    // Dead-letter queues first: the other queues refer to them.
    let mut queues: Vec<_> = template.queues.iter().collect();
    queues.sort_by_key(|(_, queue)| queue.dead_letters.is_some());
    for (name, queue) in queues {
        let url =
            create_queue(sqs, name, queue, &references).await.with_context(|| format!("creating the queue {name}"))?;
        references.insert(name.clone(), url);
    }
    Ok(references)
}

/// Creates a table. Returns false if it exists already.
async fn create_table(dynamodb: &aws_sdk_dynamodb::Client, name: &str, table: &Table) -> Result<bool> {
    let attributes: Result<Vec<_>, _> = table
        .attribute_definitions
        .iter()
        .map(|attribute| {
            AttributeDefinition::builder()
                .attribute_name(&attribute.attribute_name)
                .attribute_type(attribute.attribute_type.as_str().into())
                .build()
        })
        .collect();
    let indexes: Result<Vec<_>> = table.global_secondary_indexes.iter().map(secondary_index).collect();
    let created = dynamodb
        .create_table()
        .table_name(name)
        .billing_mode(BillingMode::PayPerRequest)
        .set_attribute_definitions(Some(attributes?))
        .set_key_schema(Some(key_schema(&table.key_schema)?))
        .set_global_secondary_indexes(Some(indexes?))
        .send()
        .await;
    match created {
        Ok(_) => {}
        Err(error) if error.as_service_error().is_some_and(|e| e.is_resource_in_use_exception()) => return Ok(false),
        Err(error) => return Err(error.into()),
    }
    if let Some(time_to_live) = &table.time_to_live_specification {
        let specification =
            TimeToLiveSpecification::builder().attribute_name(&time_to_live.attribute_name).enabled(true).build()?;
        dynamodb.update_time_to_live().table_name(name).time_to_live_specification(specification).send().await?;
    }
    Ok(true)
}

/// The name of an index that the template declares and the existing table does not have.
async fn missing_index(dynamodb: &aws_sdk_dynamodb::Client, name: &str, table: &Table) -> Result<Option<String>> {
    let described = dynamodb.describe_table().table_name(name).send().await;
    let described = described.with_context(|| format!("describing the table {name}"))?;
    let indexes = described.table().map(|table| table.global_secondary_indexes()).unwrap_or_default();
    let existing: HashSet<&str> = indexes.iter().filter_map(|index| index.index_name()).collect();
    let mut declared = table.global_secondary_indexes.iter().map(|index| &index.index_name);
    Ok(declared.find(|index| !existing.contains(index.as_str())).cloned())
}

fn secondary_index(index: &Index) -> Result<GlobalSecondaryIndex> {
    let attributes = &index.projection.non_key_attributes;
    let projection = Projection::builder()
        .projection_type(index.projection.projection_type.as_str().into())
        .set_non_key_attributes((!attributes.is_empty()).then(|| attributes.clone()))
        .build();
    Ok(GlobalSecondaryIndex::builder()
        .index_name(&index.index_name)
        .set_key_schema(Some(key_schema(&index.key_schema)?))
        .projection(projection)
        .build()?)
}

fn key_schema(keys: &[Key]) -> Result<Vec<KeySchemaElement>> {
    let key = |key: &Key| {
        KeySchemaElement::builder().attribute_name(&key.attribute_name).key_type(key.key_type.as_str().into()).build()
    };
    Ok(keys.iter().map(key).collect::<Result<_, _>>()?)
}

async fn create_queue(
    sqs: &aws_sdk_sqs::Client,
    name: &str,
    queue: &Queue,
    references: &BTreeMap<String, String>,
) -> Result<String> {
    let url = sqs.create_queue().queue_name(name).send().await?.queue_url.context("no URL")?;
    // Attributes are set after creation, because an existing queue may have other attributes.
    let mut set = sqs
        .set_queue_attributes()
        .queue_url(&url)
        .attributes(QueueAttributeName::VisibilityTimeout, queue.visibility_timeout_s.to_string());
    if let Some((dead_letters, max_receive_count)) = &queue.dead_letters {
        let target = references.get(dead_letters).with_context(|| format!("no queue {dead_letters}"))?;
        let arn = queue_arn(sqs, target).await?;
        let policy = serde_json::json!({ "deadLetterTargetArn": arn, "maxReceiveCount": max_receive_count });
        set = set.attributes(QueueAttributeName::RedrivePolicy, policy.to_string());
    }
    set.send().await?;
    Ok(url)
}

/// The ARN of the queue at `url`.
pub(crate) async fn queue_arn(sqs: &aws_sdk_sqs::Client, url: &str) -> Result<String> {
    let attributes = sqs.get_queue_attributes().queue_url(url).attribute_names(QueueAttributeName::QueueArn).send();
    let attributes = attributes.await?.attributes.unwrap_or_default();
    attributes.get(&QueueAttributeName::QueueArn).cloned().context("no ARN")
}
