//! `template.yaml` held against the code: it is the only list of what triggers what.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use functions::function::Handler;
use functions::functions::FUNCTIONS;
use functions::log::FIELDS;
use local::template::{TEMPLATE, Template, Trigger};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// `AgentphoneSetWebhook` of `agentphone-set-webhook`.
fn resource(name: &str) -> String {
    name.split('-').map(|word| word[..1].to_uppercase() + &word[1..]).collect()
}

/// `agentphone/set_webhook.rs` of `agentphone-set-webhook`: the folder is the part before the first hyphen. `admin.rs` of `admin`.
fn file(name: &str) -> String {
    name.split_once('-')
        .map_or_else(|| format!("{name}.rs"), |(folder, rest)| format!("{folder}/{}.rs", rest.replace('-', "_")))
}

#[test]
fn one_string_names_a_function_everywhere() -> Result<()> {
    let template = Template::built_in()?;
    let names: BTreeSet<String> = FUNCTIONS.iter().map(|function| function.name.to_owned()).collect();
    assert_eq!(names.len(), FUNCTIONS.len(), "no name twice");
    let resources: BTreeMap<String, String> =
        template.functions.iter().map(|(name, function)| (name.clone(), function.binary.clone())).collect();
    assert_eq!(resources, names.iter().map(|name| (resource(name), name.clone())).collect());
    let source = root().join("functions/src");
    let binaries: Result<BTreeSet<String>> = fs::read_dir(source.join("bin"))?
        .map(|entry| Ok(entry?.path().file_stem().context("a name")?.to_string_lossy().into_owned()))
        .collect();
    assert_eq!(binaries?, names);
    for name in &names {
        let main = fs::read_to_string(source.join(format!("bin/{name}.rs")))?;
        let module = file(name).trim_end_matches(".rs").replace('/', "::");
        assert!(main.contains(&format!("functions::run(functions::{module}::FUNCTION)")), "{name}");
        assert!(source.join(file(name)).is_file(), "{}", file(name));
    }
    Ok(())
}

#[test]
fn every_trigger_is_of_its_functions_kind_and_every_function_has_one() -> Result<()> {
    for function in Template::built_in()?.functions.values() {
        let known = FUNCTIONS.iter().find(|known| known.name == function.binary).context(function.binary.clone())?;
        let is_command = matches!(known.handler, Handler::Command(_));
        assert_eq!(function.triggers.is_empty(), is_command, "{}", known.name);
        for trigger in &function.triggers {
            let fits = match known.handler {
                Handler::Http(_) => matches!(trigger, Trigger::Route { .. }),
                Handler::Sqs(_) => matches!(trigger, Trigger::Queue { .. }),
                Handler::Schedule(_) => matches!(trigger, Trigger::Schedule { .. }),
                Handler::Command(_) => false,
            };
            assert!(fits, "{}: {trigger:?}", known.name);
        }
    }
    Ok(())
}

#[test]
fn no_message_is_lost_between_a_queue_and_its_function() -> Result<()> {
    let template = Template::built_in()?;
    let dead_letters: BTreeSet<&String> =
        template.queues.values().filter_map(|queue| queue.dead_letters.as_ref()).map(|(name, _)| name).collect();
    for (name, queue) in &template.queues {
        if dead_letters.contains(name) {
            continue;
        }
        let (target, receives) =
            queue.dead_letters.as_ref().with_context(|| format!("{name} has no dead-letter queue"))?;
        assert!(template.queues.contains_key(target), "{target}");
        assert!(*receives >= 2, "{name}: one crash would send a message to the dead letters");
    }
    for function in template.functions.values() {
        for trigger in &function.triggers {
            let Trigger::Queue { queue, reports_item_failures, batch_size } = trigger else { continue };
            assert!(reports_item_failures, "{}: {queue}", function.binary);
            assert!((1..=10).contains(batch_size), "{queue}");
            let visibility_s = u64::from(template.queues.get(queue).context("a queue")?.visibility_timeout_s);
            assert!(visibility_s >= 6 * function.timeout.as_secs(), "{queue}: six times its function's timeout");
        }
    }
    Ok(())
}

/// `deliver` waits as long as a webhook's timeout says, and has to have time left to write down what came of it.
#[test]
fn deliver_outlives_the_longest_webhook_timeout() -> Result<()> {
    let template = Template::built_in()?;
    let deliver = template.functions.get("PipelineDeliver").context("deliver")?;
    for timeout_max_s in [functions::agentphone::TIMEOUT_MAX_S, functions::talkover::TIMEOUT_MAX_S] {
        assert!(i64::try_from(deliver.timeout.as_secs())? >= timeout_max_s + 15);
    }
    Ok(())
}

#[test]
fn cargo_lambda_watch_serves_every_route_of_the_template() -> Result<()> {
    let manifest: toml::Value = toml::from_str(&fs::read_to_string(root().join("Cargo.toml"))?)?;
    let router = manifest["workspace"]["metadata"]["lambda"]["watch"]["router"].as_table().context("a router")?;
    let mut served = BTreeSet::new();
    for (path, routes) in router {
        for route in routes.as_array().context("a list of routes")? {
            let text = |name: &str| route[name].as_str().unwrap().to_owned();
            served.insert((text("method"), path.clone(), text("function")));
        }
    }
    let mut listed = BTreeSet::new();
    for function in Template::built_in()?.functions.values() {
        for trigger in &function.triggers {
            if let Trigger::Route { method, path } = trigger {
                listed.insert((method.clone(), path.clone(), function.binary.clone()));
            }
        }
    }
    assert_eq!(served, listed);
    let members = manifest["workspace"]["default-members"].as_array().context("members")?;
    assert!(members.iter().any(|member| member.as_str() == Some("functions")), "it finds no binaries elsewhere");
    Ok(())
}

#[test]
fn the_readmes_table_has_every_function_and_its_triggers() -> Result<()> {
    let readme = fs::read_to_string(root().join("README.md"))?;
    for function in Template::built_in()?.functions.values() {
        let path = format!("functions/src/{}", file(&function.binary));
        assert!(readme.contains(&format!("| {} | ", function.binary)), "{}", function.binary);
        for trigger in &function.triggers {
            let trigger = match trigger {
                Trigger::Route { method, path } => format!("`{method} {path}`"),
                Trigger::Queue { queue, .. } => format!("`{queue}`"),
                Trigger::Schedule { every } => format!("every {} s", every.as_secs()),
            };
            let found = readme.lines().any(|line| {
                line.starts_with('|')
                    && [&function.binary, &trigger, &path].iter().all(|part| line.contains(part.as_str()))
            });
            assert!(found, "README.md lacks a row with {}, {trigger} and {path}", function.binary);
        }
    }
    Ok(())
}

#[test]
fn the_docs_have_every_setting_alarm_and_field_of_the_log() -> Result<()> {
    let read = |path: &str| fs::read_to_string(root().join(path));
    let (readme, runbook) = (read("README.md")?, read("docs/runbook.md")?);
    let template = Template::built_in()?;
    // Where things are is no setting.
    let is_setting = |target: &&String| template.parameters.contains_key(*target);
    for (variable, _) in template.environment.iter().filter(|(_, target)| is_setting(target)) {
        assert!(readme.contains(&format!("| `{variable}` |")), "README has no {variable}");
    }
    let names = TEMPLATE.lines().filter_map(|line| line.strip_prefix("  ")?.strip_suffix(':'));
    let alarms: Vec<&str> = names.filter(|name| name.ends_with("Alarm") && !name.starts_with(' ')).collect();
    assert!(alarms.len() > 10, "{alarms:?}");
    for alarm in alarms {
        let has = |line: &str| line.starts_with("## ") && line[3..].split(", ").any(|name| name == alarm);
        assert!(runbook.lines().any(has), "the runbook has no {alarm}");
    }
    // Two are the local stack's.
    for field in FIELDS.iter().filter(|field| !["action", "resource"].contains(field)) {
        assert!([format!("`{field}`"), format!("`span.{field}`")].iter().any(|name| runbook.contains(name)), "{field}");
    }
    Ok(())
}
