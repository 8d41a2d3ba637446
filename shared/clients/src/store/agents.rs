//! Agents: put, get, list, and delete together with their webhooks.

use aws_sdk_dynamodb::types::{AttributeValue, Delete, ReturnValue, TransactWriteItem};
use domain::time::Timestamp;
use domain::{Agent, AgentId, Owner, Tenant};
use serde::{Deserialize, Serialize};

use super::webhooks::webhook_id_of;
use super::{ITEM_VERSION, Item, Store, StoreError, from_item, keys, number, text};

/// The most items in one DynamoDB transaction.
const TRANSACTION_ITEMS_MAX: usize = 100;

#[derive(Serialize, Deserialize)]
pub(super) struct AgentItem {
    agent_id: AgentId,
    name: Option<String>,
    created_at: Timestamp,
}

impl From<AgentItem> for Agent {
    fn from(item: AgentItem) -> Self {
        Self { id: item.agent_id, name: item.name, created_at: item.created_at }
    }
}

/// Whether a put created an agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Put {
    /// The agent is new.
    Created,
    /// The agent was registered before.
    Replaced,
}

impl Store {
    /// Registers an agent, or renames a registered agent.
    ///
    /// # Errors
    /// Where DynamoDB does not take the write.
    pub async fn put_agent(
        &self,
        tenant: &Tenant,
        id: &AgentId,
        name: Option<&str>,
        now: Timestamp,
    ) -> Result<(Agent, Put), StoreError> {
        let answer = self
            .client
            .update_item()
            .table_name(&self.config_table)
            .key("pk", text(keys::agent(tenant, id)))
            .key("sk", text(keys::AGENT))
            .update_expression(
                "SET v = :v, agent_id = :id, #name = :name, created_at = if_not_exists(created_at, :now), \
                 list_pk = :list_pk, list_sk = :id",
            )
            .condition_expression("attribute_not_exists(v) OR v = :v")
            .expression_attribute_names("#name", "name")
            .expression_attribute_values(":v", number(ITEM_VERSION))
            .expression_attribute_values(":id", text(id.as_str()))
            .expression_attribute_values(":name", name.map_or(AttributeValue::Null(true), text))
            .expression_attribute_values(":now", number(now.millis()))
            .expression_attribute_values(":list_pk", text(keys::agents(tenant)))
            .return_values(ReturnValue::AllOld)
            .send()
            .await;
        let answer = match answer {
            Err(error) if error.as_service_error().is_some_and(|e| e.is_conditional_check_failed_exception()) => {
                return Err(StoreError::Version);
            }
            answer => answer?,
        };
        let before = answer.attributes.filter(|item| item.contains_key("agent_id"));
        let before = before.map(from_item::<AgentItem>).transpose()?;
        let put = if before.is_some() { Put::Replaced } else { Put::Created };
        let created_at = before.map_or(now, |agent| agent.created_at);
        Ok((Agent { id: id.clone(), name: name.map(str::to_owned), created_at }, put))
    }

    /// The agent called `id`.
    ///
    /// # Errors
    /// Where DynamoDB cannot be read.
    pub async fn agent(&self, tenant: &Tenant, id: &AgentId) -> Result<Option<Agent>, StoreError> {
        let found = self
            .client
            .get_item()
            .table_name(&self.config_table)
            .key("pk", text(keys::agent(tenant, id)))
            .key("sk", text(keys::AGENT))
            .consistent_read(true)
            .send()
            .await?;
        found.item.map(|item| from_item::<AgentItem>(item).map(Agent::from)).transpose()
    }

    /// Removes the agent and its webhooks. Returns `false` if the agent was not registered. The agent's item is removed
    /// first, so that no webhook can be added meanwhile. If a call is interrupted, the next call removes the remaining
    /// items.
    ///
    /// # Errors
    /// Where DynamoDB does not take all writes.
    pub async fn delete_agent(&self, tenant: &Tenant, id: &AgentId) -> Result<bool, StoreError> {
        let partition = keys::agent(tenant, id);
        let mut existed = false;
        loop {
            let items = self.partition_items(&partition).await?;
            if items.is_empty() {
                return Ok(existed);
            }
            existed |= items.iter().any(|item| item.get("sk") == Some(&text(keys::AGENT)));
            // The agent's sort key is the smallest of its partition, so the agent's item is in the first chunk.
            for chunk in items.chunks(TRANSACTION_ITEMS_MAX / 2) {
                self.delete_items(tenant, chunk).await?;
            }
        }
    }

    /// Deletes items of the config table, and the pointers to the webhooks among them.
    async fn delete_items(&self, tenant: &Tenant, items: &[Item]) -> Result<(), StoreError> {
        let pointers = items.iter().filter_map(webhook_id_of).map(|id| self.delete_pointer(tenant, &id));
        let deletes = items.iter().filter_map(|item| {
            let delete = Delete::builder()
                .table_name(&self.config_table)
                .key("pk", item.get("pk")?.clone())
                .key("sk", item.get("sk")?.clone())
                .build()
                .ok()?;
            Some(TransactWriteItem::builder().delete(delete).build())
        });
        self.client.transact_write_items().set_transact_items(Some(deletes.chain(pointers).collect())).send().await?;
        Ok(())
    }

    /// At most `limit` of the tenant's agents whose ids come after `after`, in the order of their ids.
    ///
    /// # Errors
    /// Where DynamoDB cannot be read.
    pub async fn agents(&self, tenant: &Tenant, after: Option<&AgentId>, limit: u16) -> Result<Vec<Agent>, StoreError> {
        let found = self
            .client
            .query()
            .table_name(&self.config_table)
            .index_name(keys::LISTING_INDEX)
            .key_condition_expression("list_pk = :partition AND list_sk > :after")
            .expression_attribute_values(":partition", text(keys::agents(tenant)))
            // No id is empty or starts with a space, so every id sorts after a space.
            .expression_attribute_values(":after", text(after.map_or(" ", AgentId::as_str)))
            .limit(i32::from(limit))
            .send()
            .await?;
        found.items.unwrap_or_default().into_iter().map(|item| Ok(from_item::<AgentItem>(item)?.into())).collect()
    }

    /// Whether the owner exists. A project always does.
    ///
    /// # Errors
    /// Where DynamoDB cannot be read.
    pub async fn owner_exists(&self, tenant: &Tenant, owner: &Owner) -> Result<bool, StoreError> {
        match owner {
            Owner::Agent(id) => Ok(self.agent(tenant, id).await?.is_some()),
            Owner::Project => Ok(true),
        }
    }
}
