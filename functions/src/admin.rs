//! Makes and deletes projects and API keys. Somebody with AWS credentials invokes it; no HTTP route leads to it.
//!
//! The event is one of these commands:
//!
//! - `{"command": "create_project", "project": "acme"}` answers `{project}`.
//! - `{"command": "create_key", "project", "environment": "live" | "test", "permissions": ["manage", "publish", "read"],
//!   "name"?, "expires_in_days"?}` answers `{id, key, …}`: the key is shown here and never again.
//! - `{"command": "list_keys", "project"}` answers `{keys: [{id, name, environment, permissions, created_at, expires_at,
//!   expired}]}`.
//! - `{"command": "revoke_key", "project", "id"}` answers `{id}`. The key may still work for two seconds if it was just
//!   used.
//! - `{"command": "reseal", "project"}` answers `{project, resealed, done}`. After a rotation of the sealing key, this
//!   command seals the secrets of the project's webhooks with the new key.
//! - `{"command": "delete_project", "project"}` answers `{project, done}`. It deletes the project's keys, agents,
//!   webhooks and their deliveries. The rest expires with the log's retention.
//!
//! If `done` is false, time ran out: invoke the command again.
//!
//! An invalid command fails the invocation, and the error says why.

use std::collections::BTreeSet;
use std::time::Duration;

use clients::store::api_keys::NewApiKey;
use domain::time::{SECONDS_A_DAY, Timestamp};
use domain::{ApiKey, Environment, KeyId, Permission, ProjectId, Tenant};
use serde::Deserialize;
use serde_json::{Value, json};
use usecases::app::App;
use usecases::internal_error::InternalError;

use crate::access::{Action, Resource, may};
use crate::function::{Function, Trigger};

/// The longest name of a key, in characters.
pub const NAME_CHARS_MAX: usize = 255;

/// The longest lifetime of a key that expires, in days.
pub const DAYS_MAX: u32 = 3650;

/// How long a command over a whole project works before it answers. It is shorter than the function's timeout.
const WORK_MAX: Duration = Duration::from_secs(10 * 60);

/// The function.
pub const FUNCTION: Function = Function {
    name: "admin",
    summary: "Makes and deletes projects and API keys, for somebody with AWS credentials.",
    trigger: Trigger::Command(|app, event| Box::pin(async move { administer(app, event).await.map_err(Into::into) })),
    // Lambda's maximum: a project with many deliveries takes long to delete.
    timeout_s: 900,
    access: &[
        may(
            Resource::ConfigTable,
            &[
                Action::GetItem,
                Action::Query,
                Action::PutItem,
                Action::UpdateItem,
                Action::DeleteItem,
                Action::BatchWriteItem,
                Action::ConditionCheckItem,
            ],
        ),
        may(Resource::ConfigListing, &[Action::Query]),
        may(Resource::LogTable, &[Action::Query, Action::BatchWriteItem]),
        may(Resource::LogGeneric, &[Action::Query]),
    ],
    calls_customers: false,
};

#[derive(Deserialize)]
#[serde(tag = "command", rename_all = "snake_case", deny_unknown_fields)]
enum Command {
    CreateProject { project: String },
    CreateKey(NewKey),
    ListKeys { project: String },
    RevokeKey { project: String, id: String },
    Reseal { project: String },
    DeleteProject { project: String },
}

/// The API key that `create_key` makes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewKey {
    project: String,
    environment: Environment,
    #[serde(alias = "scopes")]
    permissions: BTreeSet<Permission>,
    name: Option<String>,
    expires_in_days: Option<u32>,
}

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The event is not a command.
    #[error("the command is not valid: {0}")]
    Command(serde_json::Error),
    /// A value in the command is not valid.
    #[error("{0}")]
    Invalid(String),
    /// The project or the key does not exist.
    #[error("there is no {0}")]
    Missing(&'static str),
    /// The project exists already.
    #[error("the project exists already")]
    Exists,
    /// An internal error. The command may be tried again.
    #[error(transparent)]
    Internal(#[from] InternalError),
}

impl From<clients::store::StoreError> for Refusal {
    fn from(error: clients::store::StoreError) -> Self {
        Self::Internal(error.into())
    }
}

/// Carries out a command.
///
/// # Errors
/// Where the command is not valid, names something that does not exist or exists already, or the store fails.
pub async fn administer(app: &App, event: Value) -> Result<Value, Refusal> {
    match serde_json::from_value(event).map_err(Refusal::Command)? {
        Command::CreateProject { project } => create_project(app, &project_id(&project)?).await,
        Command::CreateKey(new) => create_key(app, new).await,
        Command::ListKeys { project } => list_keys(app, &project_id(&project)?).await,
        Command::RevokeKey { project, id } => revoke_key(app, &project_id(&project)?, &id).await,
        Command::Reseal { project } => reseal(app, project_id(&project)?).await,
        Command::DeleteProject { project } => delete_project(app, &project_id(&project)?).await,
    }
}

async fn create_project(app: &App, project: &ProjectId) -> Result<Value, Refusal> {
    let created = app.store.create_project(project, app.clock.now()).await?;
    if created { Ok(json!({ "project": project })) } else { Err(Refusal::Exists) }
}

async fn create_key(app: &App, new: NewKey) -> Result<Value, Refusal> {
    let NewKey { project, environment, permissions, name, expires_in_days } = new;
    let (tenant, now) = (Tenant { project: project_id(&project)?, environment }, app.clock.now());
    let expires_at = expires_in_days.map(|days| expiry(now, days)).transpose()?;
    if permissions.is_empty() {
        return Err(Refusal::Invalid("permissions: at least one of manage, publish and read".to_owned()));
    }
    if name.as_ref().is_some_and(|name| !(1..=NAME_CHARS_MAX).contains(&name.chars().count())) {
        return Err(Refusal::Invalid(format!("name: 1 to {NAME_CHARS_MAX} characters")));
    }
    let key = format!("sk_{}_{}{}", environment.as_str(), app.ids.token(), app.ids.token());
    let stored =
        app.store.put_api_key(&key, &tenant, NewApiKey { name, permissions, created_at: now, expires_at }).await?;
    let mut shown = show_key(&stored.ok_or(Refusal::Missing("such project"))?, now);
    if let Some(fields) = shown.as_object_mut() {
        fields.insert("key".to_owned(), key.into());
    }
    Ok(shown)
}

async fn list_keys(app: &App, project: &ProjectId) -> Result<Value, Refusal> {
    let (keys, now) = (app.store.api_keys(project).await?, app.clock.now());
    Ok(json!({ "keys": keys.iter().map(|key| show_key(key, now)).collect::<Vec<_>>() }))
}

async fn revoke_key(app: &App, project: &ProjectId, id: &str) -> Result<Value, Refusal> {
    let missing = || Refusal::Missing("such key");
    let id = KeyId::parse(id).map_err(|_invalid| missing())?;
    if app.store.delete_api_key(project, &id).await? { Ok(json!({ "id": id })) } else { Err(missing()) }
}

async fn reseal(app: &App, project: ProjectId) -> Result<Value, Refusal> {
    let (in_time, mut resealed, mut done) = (work_timer(app), 0, true);
    for environment in Environment::ALL {
        let tenant = Tenant { project: project.clone(), environment };
        let (count, ended) = app.store.reseal(&tenant, &in_time).await?;
        (resealed, done) = (resealed + count, done && ended);
    }
    Ok(json!({ "project": project, "resealed": resealed, "done": done }))
}

async fn delete_project(app: &App, project: &ProjectId) -> Result<Value, Refusal> {
    let done = app.store.delete_project(project, work_timer(app)).await?;
    Ok(json!({ "project": project, "done": done }))
}

/// Says whether the time of a command that starts now still runs.
fn work_timer(app: &App) -> impl Fn() -> bool {
    let end = app.clock.now().plus(WORK_MAX);
    move || app.clock.now() < end
}

fn project_id(text: &str) -> Result<ProjectId, Refusal> {
    ProjectId::parse(text).map_err(|error| Refusal::Invalid(format!("project: {}", error.form)))
}

fn expiry(now: Timestamp, days: u32) -> Result<Timestamp, Refusal> {
    if !(1..=DAYS_MAX).contains(&days) {
        return Err(Refusal::Invalid(format!("expires_in_days: 1 to {DAYS_MAX}")));
    }
    Ok(now.plus(Duration::from_secs(u64::from(days) * SECONDS_A_DAY.unsigned_abs())))
}

fn show_key(key: &ApiKey, now: Timestamp) -> Value {
    json!({
        "id": key.id,
        "name": key.name,
        "environment": key.tenant.environment,
        "permissions": key.permissions,
        "created_at": key.created_at.iso8601(),
        "expires_at": key.expires_at.map(Timestamp::iso8601),
        "expired": key.is_expired(now),
    })
}
