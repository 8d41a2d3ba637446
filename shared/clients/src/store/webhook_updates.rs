//! Updates that fan-out and deliveries make to a webhook's item: its health, disabling it, and the number of partitions
//! of its log. Each update has a condition on the state that was read.

use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use domain::time::Timestamp;
use domain::{Health, Tenant, Webhook};

use super::{Store, StoreError, flag, keys, number, text, update_if};

impl Store {
    /// Stores a webhook's health. Returns `false` if the webhook or its health was changed since `webhook` was read.
    ///
    /// # Errors
    /// Where DynamoDB does not take the write.
    pub async fn set_health(&self, tenant: &Tenant, webhook: &Webhook, health: Health) -> Result<bool, StoreError> {
        let attributes = [
            ("failing_since", health.failing_since),
            ("slow_since", health.slow_since),
            ("health_changed_at", health.changed_at),
        ];
        let (mut set, mut remove) = (Vec::new(), Vec::new());
        let mut update = self.update_if_unchanged(tenant, webhook);
        for (name, time) in attributes {
            match time {
                Some(time) => {
                    set.push(format!("{name} = :{name}"));
                    update = update.expression_attribute_values(format!(":{name}"), number(time.millis()));
                }
                None => remove.push(name),
            }
        }
        let part = |word: &str, parts: &str| if parts.is_empty() { String::new() } else { format!("{word} {parts} ") };
        let expression = part("SET", &set.join(", ")) + &part("REMOVE", &remove.join(", "));
        update_if(update.update_expression(expression)).await
    }

    /// Disables a webhook. Returns `false` if the webhook was changed since it was read. A changed health does not
    /// matter.
    ///
    /// # Errors
    /// Where DynamoDB does not take the write.
    pub async fn disable(&self, tenant: &Tenant, webhook: &Webhook, updated_at: Timestamp) -> Result<bool, StoreError> {
        let update = self
            .update(tenant, webhook)
            .update_expression("SET enabled = :no, updated_at = :now")
            .condition_expression("webhook_id = :id AND updated_at = :updated_at")
            .expression_attribute_values(":updated_at", number(webhook.updated_at.millis()))
            .expression_attribute_values(":no", flag(false));
        update_if(update.expression_attribute_values(":now", number(updated_at.millis()))).await
    }

    /// Spreads the log entries of events that are accepted from `from` on over `shards` partitions. Returns `false` if the log already has as many,
    /// or the webhook was deleted.
    ///
    /// # Errors
    /// Where DynamoDB does not take the write.
    pub async fn spread_log(
        &self,
        tenant: &Tenant,
        webhook: &Webhook,
        shards: u8,
        from: Timestamp,
    ) -> Result<bool, StoreError> {
        let update = self
            .update(tenant, webhook)
            .update_expression("SET log_shards = :shards, log_spread_at = :from")
            .expression_attribute_values(":from", number(from.millis()))
            .condition_expression("webhook_id = :id AND log_shards < :shards");
        update_if(update.expression_attribute_values(":shards", number(shards))).await
    }

    fn update(&self, tenant: &Tenant, webhook: &Webhook) -> UpdateItemFluentBuilder {
        self.client
            .update_item()
            .table_name(&self.config_table)
            .key("pk", text(keys::owner(tenant, &webhook.owner)))
            .key("sk", text(keys::webhook(&webhook.reference())))
            .expression_attribute_values(":id", text(webhook.id.as_str()))
    }

    fn update_if_unchanged(&self, tenant: &Tenant, webhook: &Webhook) -> UpdateItemFluentBuilder {
        let update = self.update(tenant, webhook);
        let update = update.expression_attribute_values(":updated_at", number(webhook.updated_at.millis()));
        let unchanged = "webhook_id = :id AND updated_at = :updated_at AND";
        match webhook.health.changed_at {
            Some(changed_at) => update
                .condition_expression(format!("{unchanged} health_changed_at = :changed_at"))
                .expression_attribute_values(":changed_at", number(changed_at.millis())),
            None => update.condition_expression(format!("{unchanged} attribute_not_exists(health_changed_at)")),
        }
    }
}
