use std::time::Duration;

use engine::{Error, Kind, Source};
use vendor_http::Deadline;

use super::account::Account;
use super::behaviour::{Outcome, Seen};
use super::reading::{in_time, source};

/// Long enough for retries, short enough for a test.
const CHECK: Duration = Duration::from_secs(20);

pub(super) async fn tells_its_streams(account: &dyn Account) -> Seen {
    account.reset(1).await;
    let source = source(account).await?;
    let streams = in_time(source.streams(Deadline::after(CHECK)))
        .await?
        .map_err(|error| error.to_string())?;
    let mut names: Vec<_> = streams.iter().map(|stream| &stream.name).collect();
    names.sort();
    names.dedup();
    if names.len() < streams.len() {
        return Err("two streams have one name".into());
    }
    let stream = streams
        .iter()
        .find(|stream| stream.name == account.stream());
    let stream = stream.ok_or_else(|| format!("{} is not among {names:?}", account.stream()))?;
    if stream.primary_key.is_empty() {
        return Err(format!("{} has no primary key", stream.name));
    }
    Ok(Outcome::Held)
}

pub(super) async fn passes(account: &dyn Account) -> Seen {
    account.reset(1).await;
    let checked = check(&*source(account).await?).await?;
    let checked = checked.map_err(|error| format!("the check ends with: {error}"))?;
    if checked.message.is_empty() {
        return Err("the check says nothing".into());
    }
    Ok(Outcome::Held)
}

async fn check(source: &dyn Source) -> Result<Result<engine::Checked, Error>, String> {
    in_time(source.check(Deadline::after(CHECK))).await
}

pub(super) async fn wrong_credentials(account: &dyn Account) -> Seen {
    account.reset(1).await;
    fails_with(
        account,
        account.with_wrong_credentials().await,
        Kind::AuthRequired,
    )
    .await
}

pub(super) async fn nobody_answers(account: &dyn Account) -> Seen {
    fails_with(account, account.unreachable().await, Kind::Unreachable).await
}

/// A source may find the trouble when it is made, or at the check.
async fn fails_with(
    account: &dyn Account,
    source: Option<Result<Box<dyn Source>, Error>>,
    kind: Kind,
) -> Seen {
    let outcome = match source {
        None => return Ok(Outcome::NotApplicable),
        Some(Err(error)) => Err(error),
        Some(Ok(source)) => check(&*source).await?,
    };
    match outcome {
        Ok(_) => Err(format!("the check passes instead of {kind}")),
        Err(error) if error.kind() == kind => {
            keeps_secrets(account, &error)?;
            Ok(Outcome::Held)
        }
        Err(error) => Err(format!("{} instead of {kind}: {error}", error.kind())),
    }
}

/// No message quotes a secret.
pub(super) fn keeps_secrets(account: &dyn Account, error: &Error) -> Result<(), String> {
    let shown = format!("{error} {error:?}");
    let leak = account
        .secrets()
        .into_iter()
        .any(|secret| shown.contains(&secret));
    if leak {
        return Err("an error shows a secret".into());
    }
    Ok(())
}
