//! The generated files are as `cargo regenerate` writes them.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use functions::alarms::ALARMS;
use functions::dialects::DIALECTS;
use functions::log_lines::FIELDS;
use functions::pipeline::deliver;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

#[test]
fn every_generated_file_is_as_the_code_makes_it() -> Result<()> {
    let files = generate::files(root())?;
    assert!(files.len() > 40, "{} files", files.len());
    for file in files {
        let content = fs::read_to_string(root().join(&file.path)).with_context(|| file.path.display().to_string())?;
        assert!(content == file.content, "{} differs: `cargo regenerate` writes it", file.path.display());
    }
    Ok(())
}

/// `deliver` waits as long as a webhook's timeout says, and has to have time left to log the attempt.
#[test]
fn deliver_outlives_the_longest_webhook_timeout() {
    for dialect in DIALECTS.0 {
        assert!(deliver::FUNCTION.timeout_s >= dialect.timeout_max_s + 15, "{}", dialect.name);
    }
}

#[test]
fn the_runbook_has_every_alarm_and_every_field_of_the_log() -> Result<()> {
    let runbook = fs::read_to_string(root().join("docs/runbook.md"))?;
    for alarm in ALARMS {
        let has = |line: &str| line.starts_with("## ") && line[3..].split(", ").any(|name| name == alarm.name);
        assert!(runbook.lines().any(has), "the runbook has no {}", alarm.name);
    }
    // Two are the local stack's.
    for field in FIELDS.iter().filter(|field| !["action", "resource"].contains(field)) {
        assert!([format!("`{field}`"), format!("`span.{field}`")].iter().any(|name| runbook.contains(name)), "{field}");
    }
    Ok(())
}
