//! The dashboard's widgets.

use std::fmt::Write;

use anyhow::Result;
use functions::function::Function;
use functions::pipeline::{deliver, fan_out};
use functions::queues::QUEUES;

use super::resource;

/// The functions that the dashboard shows, and their labels.
const SHOWN: [(Function, &str); 2] = [(fan_out::FUNCTION, "fan-out"), (deliver::FUNCTION, "deliver")];

/// A widget: its title, what holds for all of its metrics, and these, as CloudWatch's JSON.
struct Widget {
    title: &'static str,
    options: &'static str,
    metrics: Vec<String>,
}

pub(super) fn write(text: &mut String) -> Result<()> {
    writeln!(text, "  Dashboard:\n    Type: AWS::CloudWatch::Dashboard\n    Properties:\n      DashboardBody: !Sub |")?;
    writeln!(text, "        {{\"widgets\": [")?;
    let widgets = list_widgets();
    let count = widgets.len();
    for (index, widget) in widgets.into_iter().enumerate() {
        let (x, y) = (index % 2 * 12, index / 2 * 6);
        writeln!(
            text,
            "          {{\"type\": \"metric\", \"x\": {x}, \"y\": {y}, \"width\": 12, \"height\": 6, \"properties\": {{"
        )?;
        let options = if widget.options.is_empty() { String::new() } else { format!("{}, ", widget.options) };
        writeln!(
            text,
            "            \"title\": \"{}\", \"region\": \"${{AWS::Region}}\", {options}\"period\": 60, \"metrics\": [",
            widget.title
        )?;
        let comma = if index + 1 == count { "" } else { "," };
        writeln!(text, "              {}]}}}}{comma}", widget.metrics.join(",\n              "))?;
    }
    writeln!(text, "        ]}}")?;
    Ok(())
}

fn list_widgets() -> Vec<Widget> {
    let stack = |name: &str, options: &str| format!("[\"${{AWS::StackName}}\", \"{name}\"{options}]");
    let api = |name: &str, options: &str| format!("[\"AWS/ApiGateway\", \"{name}\", \"ApiId\", \"${{Api}}\"{options}]");
    let errors = lambda("Errors", "").into_iter().chain(lambda("Throttles", " throttled"));
    let widget = |title, options, metrics| Widget { title, options, metrics };
    vec![
        widget("Messages that arrive", r#""stat": "Sum""#, queues("NumberOfMessagesSent", false)),
        widget("Age of the oldest, seconds", r#""stat": "Maximum""#, queues("ApproximateAgeOfOldestMessage", false)),
        widget("Dead letters", r#""stat": "Maximum""#, queues("ApproximateNumberOfMessagesVisible", true)),
        widget("Errors and throttles", r#""stat": "Sum""#, errors.collect()),
        widget("Invocations at once", r#""stat": "Maximum""#, lambda("ConcurrentExecutions", "")),
        widget(
            "The API",
            r#""stat": "Sum""#,
            vec![api("Count", ", {\"label\": \"requests\"}"), api("4xx", ""), api("5xx", "")],
        ),
        widget(
            "Deliveries",
            r#""stat": "Sum""#,
            ["Published", "Delivered", "Retried", "Failed"].iter().map(|name| stack(name, "")).collect(),
        ),
        widget(
            "From publishing to receipt, ms",
            "",
            ["p50", "p99"].iter().map(|stat| stack("Latency", &format!(", {{\"stat\": \"{stat}\"}}"))).collect(),
        ),
    ]
}

fn queues(metric: &str, dead_letters: bool) -> Vec<String> {
    let of = |queue: &functions::queues::Queue| {
        let name = if dead_letters { queue.dead_letters } else { queue.resource.name().0 };
        let label = queue.messages;
        format!("[\"AWS/SQS\", \"{metric}\", \"QueueName\", \"${{{name}.QueueName}}\", {{\"label\": \"{label}\"}}]")
    };
    QUEUES.iter().map(of).collect()
}

fn lambda(metric: &str, suffix: &str) -> Vec<String> {
    let of = |(function, label): &(Function, &str)| {
        let name = resource(function.name);
        format!("[\"AWS/Lambda\", \"{metric}\", \"FunctionName\", \"${{{name}}}\", {{\"label\": \"{label}{suffix}\"}}]")
    };
    SHOWN.iter().map(of).collect()
}
