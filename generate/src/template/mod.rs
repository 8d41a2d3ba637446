//! `template.yaml`: the parameters and variables of the settings, and every function, queue, alarm and the dashboard.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use functions::access::{Access, Action, Resource};
use functions::alarms::{ALARMS, Alarm, Watch};
use functions::function::{Endpoint, Function, Mapping, Trigger};
use functions::functions::FUNCTIONS;
use functions::queues::{QUEUES, RECEIVES_MAX, RETENTION_S, VISIBILITY_TIMEOUTS};
use rules::settings::{Kind, SETTINGS, Setting, Source, pascal_case};

use crate::{File, marked_region};

mod dashboard;

/// The template, with its regions as the code has them.
///
/// # Errors
/// Where it cannot be read or lacks a region, or a queue has no function.
pub fn file(root: &Path) -> Result<File> {
    let mut text = fs::read_to_string(root.join("template.yaml"))?;
    for (name, content) in [("parameters", parameters()?), ("variables", variables()?), ("resources", resources()?)] {
        text = marked_region::replace(&text, name, &content)?;
    }
    Ok(File::new("template.yaml", text))
}

fn parameters() -> Result<String> {
    let mut text = String::new();
    for setting in SETTINGS {
        let Source::Parameter(default, kind) = setting.source else { continue };
        let default = serde_json::to_string(default)?;
        writeln!(text, "  {}:", setting.parameter())?;
        match kind {
            Kind::Text | Kind::Decimal(..) => writeln!(text, "    Type: String\n    Default: {default}")?,
            Kind::Boolean => {
                writeln!(text, "    Type: String\n    Default: {default}\n    AllowedValues: [\"true\", \"false\"]")?;
            }
            Kind::OneOf(words) => {
                writeln!(text, "    Type: String\n    Default: {default}\n    AllowedValues: [{}]", words.join(", "))?;
            }
            Kind::Number(min, max) => {
                writeln!(text, "    Type: Number\n    Default: {default}\n    MinValue: {min}\n    MaxValue: {max}")?
            }
        }
        writeln!(text, "    Description: {}", serde_json::to_string(&describe(setting))?)?;
    }
    Ok(text)
}

/// A setting's description in one line.
pub(crate) fn describe(setting: &Setting) -> String {
    setting.description.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" ")
}

fn variables() -> Result<String> {
    let mut text = String::new();
    for setting in SETTINGS {
        let reference = match setting.source {
            Source::Resource(resource) | Source::NewResource(resource) => resource.to_owned(),
            Source::Parameter(..) => setting.parameter(),
            Source::StackName(_) => "AWS::StackName".to_owned(),
            // Put together by hand, of two secrets.
            Source::Secret => continue,
        };
        writeln!(text, "        {}: !Ref {reference}", setting.variable())?;
    }
    Ok(text)
}

fn resources() -> Result<String> {
    let mut text = String::new();
    for function in FUNCTIONS {
        text.push('\n');
        write_function(&mut text, function)?;
    }
    for queue in QUEUES {
        let (name, _) = queue.resource.name();
        let function = polled_by(queue.resource).with_context(|| format!("no function polls {name}"))?;
        let visibility_s = VISIBILITY_TIMEOUTS * function.timeout_s;
        writeln!(text, "\n  # {VISIBILITY_TIMEOUTS} times the timeout of {}, as Lambda asks.", function.name)?;
        write_queue(&mut text, name)?;
        writeln!(text, "      VisibilityTimeout: {visibility_s}")?;
        writeln!(text, "      RedrivePolicy:\n        deadLetterTargetArn: !GetAtt {}.Arn", queue.dead_letters)?;
        writeln!(text, "        maxReceiveCount: {RECEIVES_MAX}\n")?;
        write_queue(&mut text, queue.dead_letters)?;
    }
    for alarm in ALARMS {
        text.push('\n');
        write_alarm(&mut text, alarm)?;
    }
    text.push('\n');
    dashboard::write(&mut text)?;
    Ok(text)
}

/// `AgentphoneSetWebhook` of `agentphone-set-webhook`.
#[must_use]
pub fn resource(name: &str) -> String {
    pascal_case(name, '-')
}

fn write_function(text: &mut String, function: &Function) -> Result<()> {
    writeln!(text, "  # {}", function.summary)?;
    writeln!(text, "  {}:\n    Type: AWS::Serverless::Function", resource(function.name))?;
    writeln!(text, "    Metadata: {{ BuildMethod: rust-cargolambda, BuildProperties: {{ Binary: bootstrap }} }}")?;
    writeln!(text, "    Properties:\n      Handler: {}\n      Timeout: {}", function.name, function.timeout_s)?;
    writeln!(text, "      Policies:\n        - Statement:")?;
    for (resource, actions) in statements(&function.all_access()) {
        let actions: Vec<String> = actions.into_iter().map(Action::iam).collect();
        writeln!(text, "            - Effect: Allow\n              Action: [{}]", actions.join(", "))?;
        let (name, index) = resource.name();
        match index {
            "" => writeln!(text, "              Resource: !GetAtt {name}.Arn")?,
            index => writeln!(text, "              Resource: !Sub ${{{name}.Arn}}{index}")?,
        }
    }
    match function.trigger {
        Trigger::Http(endpoint) => write_route(text, endpoint)?,
        Trigger::Schedule(minutes, _) => {
            let unit = if minutes == 1 { "minute" } else { "minutes" };
            writeln!(text, "      Events:\n        Schedule:\n          Type: ScheduleV2\n          Properties:")?;
            writeln!(text, "            ScheduleExpression: rate({minutes} {unit})")?;
        }
        Trigger::Queues(mappings, _) => {
            mappings.iter().try_for_each(|mapping| write_mapping(text, function, mapping))?;
        }
        Trigger::Command(_) => {}
    }
    Ok(())
}

/// The actions on each resource, in the order in which they were declared.
fn statements(access: &[Access]) -> BTreeMap<Resource, Vec<Action>> {
    let mut statements: BTreeMap<Resource, Vec<Action>> = BTreeMap::new();
    for access in access {
        let actions = statements.entry(access.resource).or_default();
        for action in access.actions.iter().filter(|action| !actions.contains(action)).copied().collect::<Vec<_>>() {
            actions.push(action);
        }
    }
    statements.values_mut().for_each(|actions| actions.sort());
    statements
}

fn write_route(text: &mut String, endpoint: Endpoint) -> Result<()> {
    writeln!(text, "      Events:\n        Route:\n          Type: HttpApi\n          Properties:")?;
    writeln!(text, "            ApiId: !Ref Api\n            Method: {}", endpoint.method)?;
    writeln!(text, "            Path: {}", endpoint.path)?;
    Ok(())
}

fn write_mapping(text: &mut String, function: &Function, mapping: &Mapping) -> Result<()> {
    let (queue, _) = mapping.queue.name();
    let name = queue.strip_suffix("Queue").unwrap_or(queue);
    writeln!(text, "\n  {name}Mapping:\n    Type: AWS::Lambda::EventSourceMapping\n    Properties:")?;
    writeln!(text, "      FunctionName: !Ref {}", resource(function.name))?;
    writeln!(text, "      EventSourceArn: !GetAtt {queue}.Arn\n      BatchSize: {}", mapping.batch_size)?;
    if let Some(parameter) = mapping.concurrency {
        writeln!(text, "      ScalingConfig: {{ MaximumConcurrency: !Ref {parameter} }}")?;
    }
    writeln!(text, "      FunctionResponseTypes: [ReportBatchItemFailures]")?;
    Ok(())
}

fn polled_by(queue: Resource) -> Option<&'static Function> {
    FUNCTIONS.iter().find(|function| match function.trigger {
        Trigger::Queues(mappings, _) => mappings.iter().any(|mapping| mapping.queue == queue),
        Trigger::Http(_) | Trigger::Schedule(..) | Trigger::Command(_) => false,
    })
}

fn write_queue(text: &mut String, name: &str) -> Result<()> {
    writeln!(text, "  {name}:\n    Type: AWS::SQS::Queue\n    Properties:")?;
    writeln!(text, "      KmsMasterKeyId: !If [HasOwnKey, !Ref Key, !Ref AWS::NoValue]")?;
    writeln!(text, "      Tags: [{{ Key: application, Value: switchhook }}]")?;
    writeln!(text, "      MessageRetentionPeriod: {RETENTION_S}")?;
    Ok(())
}

/// An alarm's metric, and when it rings.
struct Metric {
    namespace: &'static str,
    name: &'static str,
    dimension: Option<(&'static str, String)>,
    statistic: &'static str,
    period_s: u16,
    periods: u8,
    breaching: Option<u8>,
    threshold: String,
    comparison: &'static str,
}

impl Metric {
    /// A metric that is above `threshold` for five minutes.
    fn above(namespace: &'static str, name: &'static str, dimension: (&'static str, String), threshold: u32) -> Self {
        Self {
            namespace,
            name,
            dimension: Some(dimension),
            statistic: "Maximum",
            period_s: 60,
            periods: 5,
            breaching: None,
            threshold: threshold.to_string(),
            comparison: "GreaterThanThreshold",
        }
    }
}

fn choose_metric(watches: Watch) -> Metric {
    let most_of_five = |metric| Metric { statistic: "Sum", breaching: Some(3), ..metric };
    let queue_name = |queue: &str| ("QueueName", format!("!GetAtt {queue}.QueueName"));
    let function_name = |function: Function| ("FunctionName", format!("!Ref {}", resource(function.name)));
    match watches {
        Watch::MessageAge(queue, seconds) => {
            Metric::above("AWS/SQS", "ApproximateAgeOfOldestMessage", queue_name(queue.name().0), seconds)
        }
        Watch::DeadLetters(queue) => {
            let metric = Metric::above("AWS/SQS", "ApproximateNumberOfMessagesVisible", queue_name(queue), 0);
            Metric { periods: 1, ..metric }
        }
        Watch::Errors(function) => most_of_five(Metric::above("AWS/Lambda", "Errors", function_name(function), 0)),
        Watch::Throttles(function) => {
            most_of_five(Metric::above("AWS/Lambda", "Throttles", function_name(function), 0))
        }
        Watch::ServerErrors(count) => {
            most_of_five(Metric::above("AWS/ApiGateway", "5xx", ("ApiId", "!Ref Api".to_owned()), count))
        }
        Watch::SuccessBelow(percent) => Metric {
            namespace: "!Ref AWS::StackName",
            name: "Success",
            dimension: None,
            statistic: "Average",
            period_s: 300,
            periods: 3,
            breaching: None,
            threshold: format!("{}", f32::from(percent) / 100.0),
            comparison: "LessThanThreshold",
        },
    }
}

fn write_alarm(text: &mut String, alarm: &Alarm) -> Result<()> {
    let metric = choose_metric(alarm.watches);
    writeln!(text, "  {}:\n    Type: AWS::CloudWatch::Alarm\n    Properties:", alarm.name)?;
    writeln!(text, "      AlarmDescription: {}", alarm.description)?;
    writeln!(text, "      Namespace: {}\n      MetricName: {}", metric.namespace, metric.name)?;
    if let Some((name, value)) = metric.dimension {
        writeln!(text, "      Dimensions: [{{ Name: {name}, Value: {value} }}]")?;
    }
    writeln!(text, "      Statistic: {}\n      Period: {}", metric.statistic, metric.period_s)?;
    writeln!(text, "      EvaluationPeriods: {}", metric.periods)?;
    if let Some(count) = metric.breaching {
        writeln!(text, "      DatapointsToAlarm: {count}")?;
    }
    writeln!(text, "      Threshold: {}\n      ComparisonOperator: {}", metric.threshold, metric.comparison)?;
    writeln!(text, "      TreatMissingData: notBreaching")?;
    for actions in ["AlarmActions", "OKActions"] {
        writeln!(text, "      {actions}: !If [HasAlarmTopic, [!Ref AlarmTopicArn], !Ref AWS::NoValue]")?;
    }
    Ok(())
}
