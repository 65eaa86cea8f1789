use std::fmt::Display;
use std::str::FromStr;
use std::sync::Arc;

use clock::Clock;
use credentials::{OrgId, SecretId};
use lambda_kit::{Env, ErrorType, Failure};
use state::{Retention, State, SystemEntropy, Table};

use crate::Clients;

/// The value of a variable that must be set.
pub(crate) fn required(env: &Env, name: &str) -> Result<String, Failure> {
    env.text(name).map(str::to_owned).ok_or_else(|| {
        invalid(format!(
            "environment variable {name} is not set; deploy the stack"
        ))
    })
}

pub(crate) fn state(env: &Env, clients: &Clients, clock: Arc<dyn Clock>) -> Result<State, Failure> {
    let table = Table::new(
        clients.dynamodb.clone(),
        required(env, "STATE_TABLE")?,
        clock,
    );
    Ok(State::new(
        &table,
        Retention::default(),
        Arc::new(SystemEntropy),
    ))
}

/// The secret with the webhook's path, if one is configured.
pub(crate) fn path_secret(env: &Env) -> Result<Option<SecretId>, Failure> {
    parsed(env, "DESK_WEBHOOK_SECRET_ID")
}

/// The organisation, if it is configured apart from the secret.
pub(crate) fn org_id(env: &Env) -> Result<Option<String>, Failure> {
    let id: Option<OrgId> = parsed(env, "ZOHO_DESK_ORG_ID")?;
    Ok(id.map(|id| id.as_str().to_owned()))
}

/// The deployed function's name, which tells two installations in one account apart.
pub(crate) fn name(env: &Env, otherwise: &str) -> String {
    env.text("AWS_LAMBDA_FUNCTION_NAME")
        .unwrap_or(otherwise)
        .to_owned()
}

fn parsed<T: FromStr<Err: Display>>(env: &Env, name: &str) -> Result<Option<T>, Failure> {
    env.parsed(name).map_err(invalid)
}

fn invalid(why: impl Display) -> Failure {
    Failure::new(ErrorType::InvalidEvent, why)
}
