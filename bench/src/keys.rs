//! The units that each key of DynamoDB's tables and indexes takes, read from the requests and answers on the wire.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture, SharedHttpClient};
use aws_smithy_runtime_api::client::result::ConnectorError;
use clients::store::DUE_INDEX;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::measure::to_f64;
use crate::sdk_wire;

fn read<T: DeserializeOwned>(body: Option<&[u8]>) -> Result<T, ConnectorError> {
    serde_json::from_slice(body.unwrap_or_default()).map_err(|error| ConnectorError::other(Box::new(error), None))
}

/// Units of one key, or of a whole table or index.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub(crate) struct Units {
    pub(crate) write: f64,
    pub(crate) read: f64,
}

/// The units that a table or an index took, and its busiest keys.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct TableUsage {
    /// For example `LogTable` or `LogTable/due`.
    pub(crate) name: String,
    pub(crate) all: Units,
    pub(crate) most_written: Busiest,
    pub(crate) most_read: Busiest,
}

/// The key that takes most.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Busiest {
    pub(crate) key: String,
    pub(crate) units: f64,
}

impl Busiest {
    fn count(&mut self, key: &str, units: f64) {
        if units > self.units && !key.is_empty() {
            *self = Self { key: key.to_owned(), units };
        }
    }
}

/// A table or an index (`LogTable`, `LogTable/due`), and a partition key in it.
type Key = (String, String);

/// The counted units by key. Clones share them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Keys(Arc<Mutex<BTreeMap<Key, Units>>>);

impl Keys {
    /// Sets all counts to zero.
    pub(crate) fn reset(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// The counted units by table and index.
    pub(crate) fn usage_by_table(&self) -> Vec<TableUsage> {
        let mut tables: BTreeMap<String, TableUsage> = BTreeMap::new();
        for ((name, key), units) in self.0.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            let usage = tables
                .entry(name.clone())
                .or_insert_with(|| TableUsage { name: name.clone(), ..TableUsage::default() });
            usage.all.write += units.write;
            usage.all.read += units.read;
            usage.most_written.count(key, units.write);
            usage.most_read.count(key, units.read);
        }
        tables.into_values().collect()
    }

    /// A client whose calls are counted.
    pub(crate) fn client(&self) -> SharedHttpClient {
        let keys = self.clone();
        sdk_wire::intercepting_client(move |request, inner| {
            let call = sdk_wire::call_name(&request);
            let (asked, keys) = (read::<Asked>(request.body().bytes()), keys.clone());
            let answer = inner.call(request);
            HttpConnectorFuture::new(async move {
                let asked = asked?;
                let answer = answer.await?;
                if !answer.status().is_success() {
                    keys.count(&call, &asked, &Answered::default());
                    return Ok(answer);
                }
                let body = sdk_wire::read_body(answer).await?;
                keys.count(&call, &asked, &read(Some(&body))?);
                sdk_wire::ok(body)
            })
        })
    }

    fn count(&self, call: &str, asked: &Asked, answered: &Answered) {
        let is_write =
            ["PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem"].iter().any(|name| call.ends_with(name));
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (table, units, attribute) in answered.capacities(&asked.table_name) {
            let mut keys = asked.keys(attribute);
            if keys.is_empty() {
                // A write that removes an item from an index does not say from which key. It counts for the empty key.
                keys.push("");
            }
            let each = units / to_f64(keys.len().max(1) as u64);
            for key in keys {
                let units = all.entry((table.clone(), key.to_owned())).or_default();
                if is_write { units.write += each } else { units.read += each }
            }
        }
    }
}

/// The parts of a request that name its keys.
#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Asked {
    table_name: String,
    key_condition_expression: Option<String>,
    expression_attribute_values: Item,
    key: Item,
    item: Item,
    request_items: BTreeMap<String, OfTable>,
}

type Item = BTreeMap<String, Attribute>;

#[derive(Deserialize)]
struct Attribute {
    #[serde(rename = "S")]
    text: Option<String>,
}

/// The part of a batch request for one table.
#[derive(Deserialize)]
#[serde(untagged)]
enum OfTable {
    Writes(Vec<Write>),
    #[serde(rename_all = "PascalCase")]
    Reads {
        keys: Vec<Item>,
    },
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Write {
    put_request: Put,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Put {
    item: Item,
}

impl Asked {
    /// The partition keys of the request, in a table or index with the key `attribute`.
    fn keys(&self, attribute: &str) -> Vec<&str> {
        if let Some((_, value)) =
            self.key_condition_expression.as_deref().and_then(|condition| condition.split_once("= "))
        {
            let name = value.split(' ').next().unwrap_or(value);
            return text(&self.expression_attribute_values, name).into_iter().collect();
        }
        let of_batches = self.request_items.values().flat_map(|of_table| -> Vec<&Item> {
            match of_table {
                OfTable::Writes(writes) => writes.iter().map(|write| &write.put_request.item).collect(),
                OfTable::Reads { keys } => keys.iter().collect(),
            }
        });
        of_batches.chain([&self.key, &self.item]).filter_map(|item| text(item, attribute)).collect()
    }
}

fn text<'a>(item: &'a Item, attribute: &str) -> Option<&'a str> {
    item.get(attribute)?.text.as_deref()
}

/// The part of an answer with the units that the call took.
#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Answered {
    consumed_capacity: OneOrMany,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    Many(Vec<Capacity>),
    One(Capacity),
}

impl Default for OneOrMany {
    fn default() -> Self {
        Self::Many(Vec::new())
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Capacity {
    table_name: String,
    #[serde(default)]
    table: CapacityUnits,
    #[serde(default)]
    global_secondary_indexes: BTreeMap<String, CapacityUnits>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CapacityUnits {
    capacity_units: f64,
}

impl Answered {
    /// The units by table and index, each with the attribute that is its key. A refused write reports no units, but AWS
    /// charges for it, so it counts as 1.
    fn capacities(&self, asked_for: &str) -> Vec<(String, f64, &'static str)> {
        let consumed = match &self.consumed_capacity {
            OneOrMany::Many(all) => all.iter().collect(),
            OneOrMany::One(one) => vec![one],
        };
        if consumed.is_empty() {
            return vec![(asked_for.to_owned(), 1.0, "pk")];
        }
        let mut capacities = Vec::new();
        for Capacity { table_name, table, global_secondary_indexes } in consumed {
            capacities.push((table_name.clone(), table.capacity_units, "pk"));
            for (index, units) in global_secondary_indexes {
                let attribute = if index == DUE_INDEX { "due_pk" } else { "list_pk" };
                capacities.push((format!("{table_name}/{index}"), units.capacity_units, attribute));
            }
        }
        capacities.retain(|(_, units, _)| *units > 0.0);
        capacities
    }
}
