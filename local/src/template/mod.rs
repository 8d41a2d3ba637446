//! Reads the parts of `template.yaml` that the local stack and the tests use.

mod document;
mod permission;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use serde::Deserialize;
use serde_yaml_ng::Value;

use self::document::{Document, Event, FunctionProperties, MappingProperties, QueueProperties, Resource};
pub use self::permission::Permission;

const MAPPING: &str = "AWS::Lambda::EventSourceMapping";

/// The template that this program was built with.
pub const TEMPLATE: &str = include_str!("../../../template.yaml");

/// The contents of a template.
#[derive(Debug)]
pub struct Template {
    /// Parameters with their defaults.
    pub parameters: BTreeMap<String, String>,
    /// The functions' environment variables that refer to a parameter or resource, and the name of that target.
    pub environment: BTreeMap<String, String>,
    /// Tables by their names.
    pub tables: BTreeMap<String, Table>,
    /// Queues by their names.
    pub queues: BTreeMap<String, Queue>,
    /// Functions by the names of their resources.
    pub functions: BTreeMap<String, Function>,
}

/// A DynamoDB table.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Table {
    /// Every attribute that is a key of the table or of an index.
    pub attribute_definitions: Vec<Attribute>,
    /// The table's keys.
    pub key_schema: Vec<Key>,
    /// Its indexes.
    #[serde(default)]
    pub global_secondary_indexes: Vec<Index>,
    /// The attribute with the time at which an item expires.
    pub time_to_live_specification: Option<TimeToLive>,
}

/// An attribute and its type: `S`, `N` or `B`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[allow(missing_docs, reason = "the names are CloudFormation's")]
pub struct Attribute {
    pub attribute_name: String,
    pub attribute_type: String,
}

/// A key: `HASH` or `RANGE`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[allow(missing_docs, reason = "the names are CloudFormation's")]
pub struct Key {
    pub attribute_name: String,
    pub key_type: String,
}

/// A global secondary index.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[allow(missing_docs, reason = "the names are CloudFormation's")]
pub struct Index {
    pub index_name: String,
    pub key_schema: Vec<Key>,
    pub projection: Projection,
}

/// The attributes that an index holds besides keys: `ALL`, `KEYS_ONLY`, or `INCLUDE` with a list.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[allow(missing_docs, reason = "the names are CloudFormation's")]
pub struct Projection {
    pub projection_type: String,
    #[serde(default)]
    pub non_key_attributes: Vec<String>,
}

/// The attribute with the time at which an item expires.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[allow(missing_docs, reason = "the names are CloudFormation's")]
pub struct TimeToLive {
    pub attribute_name: String,
}

/// An SQS queue.
#[derive(Debug)]
pub struct Queue {
    /// Seconds for which a received message stays hidden.
    pub visibility_timeout_s: u32,
    /// The dead-letter queue, and the number of receives after which a message moves there.
    pub dead_letters: Option<(String, u32)>,
}

/// A Lambda function.
#[derive(Debug)]
pub struct Function {
    /// Its name in the code, which the template names as the handler.
    pub name: String,
    /// How long an invocation may run.
    pub timeout: Duration,
    /// The routes, queues and schedules that invoke it.
    pub triggers: Vec<Trigger>,
    /// The permissions that its policies give it.
    pub permissions: BTreeSet<Permission>,
}

/// A trigger that invokes a function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trigger {
    /// A route of the HTTP API.
    Route {
        /// For example `POST`.
        method: String,
        /// For example `/v1/agents/{agent_id}`.
        path: String,
    },
    /// Messages in a queue.
    Queue {
        /// The name of the queue's resource.
        queue: String,
        /// Messages in one invocation, at most.
        batch_size: i32,
        /// Batches in progress at the same moment, at most, if the template limits them.
        concurrency_max: Option<usize>,
    },
    /// A schedule.
    Schedule {
        /// The time between two invocations.
        every: Duration,
    },
}

impl Template {
    /// Reads the template that this program was built with.
    ///
    /// # Errors
    /// Where the template holds something that the local stack cannot mount.
    pub fn built_in() -> Result<Self> {
        Self::parse(TEMPLATE)
    }

    /// Reads a template.
    ///
    /// # Errors
    /// Where the text is not YAML, or holds something that the local stack cannot mount.
    pub fn parse(text: &str) -> Result<Self> {
        let document: Document = serde_yaml_ng::from_str(text)?;
        let globals = document.globals.function;
        let mut template = Self {
            parameters: (document.parameters.iter())
                .filter_map(|(name, parameter)| Some((name.clone(), scalar(parameter.default.as_ref()?))))
                .collect(),
            environment: BTreeMap::new(),
            tables: BTreeMap::new(),
            queues: BTreeMap::new(),
            functions: BTreeMap::new(),
        };
        for (name, value) in globals.environment.variables {
            // Other variables need values that only AWS has, and are set elsewhere for the local stack.
            if let Ok(target) = tagged(&value, "Ref") {
                template.environment.insert(name, target.to_owned());
            }
        }
        // Mappings come last, because each is added to its function.
        let (mappings, others): (BTreeMap<_, _>, BTreeMap<_, _>) =
            document.resources.into_iter().partition(|(_, resource)| resource.kind == MAPPING);
        for (name, resource) in others.into_iter().chain(mappings) {
            template.add(&name, resource).with_context(|| format!("resource {name}"))?;
        }
        Ok(template)
    }

    fn add(&mut self, name: &str, resource: Resource) -> Result<()> {
        match resource.kind.as_str() {
            "AWS::DynamoDB::Table" => {
                self.tables.insert(name.to_owned(), serde_yaml_ng::from_value(resource.properties)?);
            }
            "AWS::SQS::Queue" => {
                self.queues.insert(name.to_owned(), queue(serde_yaml_ng::from_value(resource.properties)?)?);
            }
            "AWS::Serverless::Function" => {
                let properties: FunctionProperties = serde_yaml_ng::from_value(resource.properties)?;
                let timeout = Duration::from_secs(properties.timeout);
                let triggers = properties.events.into_values().map(trigger).collect::<Result<_>>()?;
                let permissions = permission::of(properties.policies)?;
                self.functions
                    .insert(name.to_owned(), Function { name: properties.handler, timeout, triggers, permissions });
            }
            MAPPING => {
                let (function, trigger) = self.queue_trigger(serde_yaml_ng::from_value(resource.properties)?)?;
                let function = self.functions.get_mut(&function).with_context(|| format!("no function {function}"))?;
                function.triggers.push(trigger);
            }
            "AWS::Serverless::HttpApi" => {}
            // The local stack leaves these out: they run no function and hold no message.
            "AWS::ApiGatewayV2::DomainName"
            | "AWS::ApiGatewayV2::ApiMapping"
            | "AWS::CloudWatch::Alarm"
            | "AWS::CloudWatch::Dashboard"
            | "AWS::KMS::Key"
            | "AWS::Logs::LogGroup"
            | "AWS::SecretsManager::Secret" => {}
            other => bail!("the local stack does not know {other}"),
        }
        Ok(())
    }

    /// The function that an event source mapping names, and its queue as a trigger.
    fn queue_trigger(&self, properties: MappingProperties) -> Result<(String, Trigger)> {
        let concurrency_max = properties.scaling_config.map(|scaling| self.number(&scaling.maximum_concurrency));
        let trigger = Trigger::Queue {
            queue: resource_of(tagged(&properties.event_source_arn, "GetAtt")?)?,
            batch_size: properties.batch_size,
            concurrency_max: concurrency_max.transpose()?,
        };
        Ok((tagged(&properties.function_name, "Ref")?.to_owned(), trigger))
    }

    /// A number, or the default of the parameter that the value refers to.
    fn number(&self, value: &Value) -> Result<usize> {
        let text = match tagged(value, "Ref") {
            Ok(name) => self.parameters.get(name).cloned().with_context(|| format!("{name} has no default"))?,
            Err(_) => scalar(value),
        };
        text.parse().with_context(|| format!("`{text}` is not a number"))
    }
}

fn queue(properties: QueueProperties) -> Result<Queue> {
    let dead_letters = properties.redrive_policy.map(|policy| {
        let arn = tagged(&policy.dead_letter_target_arn, "GetAtt")?;
        anyhow::Ok((resource_of(arn)?, policy.max_receive_count))
    });
    // 30 seconds is SQS's own default.
    Ok(Queue {
        visibility_timeout_s: properties.visibility_timeout.unwrap_or(30),
        dead_letters: dead_letters.transpose()?,
    })
}

fn trigger(event: Event) -> Result<Trigger> {
    let text = |name: &str| {
        let value = event.properties.get(name).with_context(|| format!("no {name}"))?;
        value.as_str().map(str::to_owned).with_context(|| format!("{name} is not text"))
    };
    match event.kind.as_str() {
        "HttpApi" => Ok(Trigger::Route { method: text("Method")?, path: text("Path")? }),
        "ScheduleV2" => Ok(Trigger::Schedule { every: rate(&text("ScheduleExpression")?)? }),
        other => bail!("the local stack does not know the trigger {other}"),
    }
}

/// Reads `rate(1 minute)`.
fn rate(expression: &str) -> Result<Duration> {
    let invalid = || anyhow!("`{expression}` is not a rate in minutes");
    let inside = expression.strip_prefix("rate(").and_then(|rest| rest.strip_suffix(')')).ok_or_else(invalid)?;
    let (number, unit) = inside.split_once(' ').ok_or_else(invalid)?;
    if !unit.starts_with("minute") {
        return Err(invalid());
    }
    Ok(Duration::from_secs(60 * number.parse::<u64>()?))
}

/// A parameter's default, as the text of an environment variable.
fn scalar(value: &Value) -> String {
    let text = value.as_str().map(str::to_owned);
    text.unwrap_or_else(|| serde_yaml_ng::to_string(value).unwrap_or_default().trim().to_owned())
}

/// The argument of a short intrinsic function: `X` of `!Ref X`.
fn tagged<'a>(value: &'a Value, tag: &str) -> Result<&'a str> {
    if let Value::Tagged(found) = value
        && found.tag == tag
    {
        return found.value.as_str().context("its argument is not text");
    }
    bail!("not !{tag}, but {value:?}")
}

/// `EventsQueue` of `EventsQueue.Arn`.
fn resource_of(arn: &str) -> Result<String> {
    arn.strip_suffix(".Arn").map(str::to_owned).with_context(|| format!("{arn} is not an ARN"))
}
