use engine::{Error, Mode};
use serde_json::value::RawValue;

use super::account::{Account, Mishap};
use super::behaviour::{Outcome, Seen};
use super::checks::keeps_secrets;
use super::reading::{Yield, drain, in_time, open, position, reading};

/// Reads until it ends or fails; after a failure `None` must follow.
async fn attempt(
    account: &dyn Account,
    resume: Option<&RawValue>,
    seen: &mut Yield,
) -> Result<Result<(), (Error, Option<Box<RawValue>>)>, String> {
    let source = account.source().await;
    let reading = reading(account, Mode::Full, None, resume);
    let opened = match source {
        Ok(source) => in_time(source.read(reading)).await?,
        Err(error) => Err(error),
    };
    let mut reader = match opened {
        Ok(reader) => reader,
        Err(error) => return Ok(Err((error, resume.map(RawValue::to_owned)))),
    };
    let Err(error) = drain(account, &mut *reader, seen).await? else {
        return if reader.at_end() {
            Ok(Ok(()))
        } else {
            Err("it says None before the end without being stopped".into())
        };
    };
    keeps_secrets(account, &error)?;
    drain(account, &mut *reader, seen)
        .await?
        .map_err(|error| format!("a second error follows the first: {error}"))?;
    if reader.at_end() {
        return Err("it failed and says that it is at its end".into());
    }
    Ok(Err((error, Some(position(&*reader)?))))
}

pub(super) async fn resumes(account: &dyn Account) -> Seen {
    account.reset(4 * account.page_rows() + 1).await;
    let whole = rows_of_one_run(account).await?;
    for good in 0..3 {
        let mut seen = Yield::default();
        if !account.mishap(Mishap::ServerError, good, None) {
            return Ok(Outcome::NotApplicable);
        }
        let ended = attempt(account, None, &mut seen).await?;
        account.recover();
        let Err((_, resume)) = ended else {
            return Err("a server that fails for ever is no error".into());
        };
        if seen.len() >= whole {
            return Err("the mishap struck after the last row".into());
        }
        attempt(account, resume.as_deref(), &mut seen)
            .await?
            .map_err(|(error, _)| format!("resuming after {good} pages ends with: {error}"))?;
        seen.is_all(account)
            .await
            .map_err(|what| format!("after {good} good pages: {what}"))?;
    }
    Ok(Outcome::Held)
}

async fn rows_of_one_run(account: &dyn Account) -> Result<usize, String> {
    let mut seen = Yield::default();
    let mut reader = open(account, reading(account, Mode::Full, None, None)).await?;
    drain(account, &mut *reader, &mut seen)
        .await?
        .map_err(|error| error.to_string())?;
    Ok(seen.len())
}

pub(super) async fn passing(account: &dyn Account) -> Seen {
    account.reset(3 * account.page_rows() + 1).await;
    for mishap in Mishap::PASSING {
        if !account.mishap(mishap, 1, Some(1)) {
            continue;
        }
        let mut seen = Yield::default();
        if let Err((error, resume)) = attempt(account, None, &mut seen).await? {
            if !error.is_transient() {
                return Err(format!("{mishap:?} once is final: {error}"));
            }
            account.recover();
            attempt(account, resume.as_deref(), &mut seen)
                .await?
                .map_err(|(error, _)| format!("{mishap:?}, resumed: {error}"))?;
        }
        account.recover();
        seen.is_all(account)
            .await
            .map_err(|what| format!("{mishap:?}: {what}"))?;
    }
    Ok(held_if(account.mishap(Mishap::ServerError, 0, Some(1))))
}

pub(super) async fn lasting(account: &dyn Account) -> Seen {
    account.reset(3 * account.page_rows() + 1).await;
    let mut any = false;
    for mishap in Mishap::LASTING {
        if !account.mishap(mishap, 1, None) {
            continue;
        }
        any = true;
        let mut seen = Yield::default();
        let ended = attempt(account, None, &mut seen).await?;
        account.recover();
        if ended.is_ok() {
            return Err(format!("{mishap:?} for ever is no error"));
        }
    }
    Ok(held_if(any))
}

pub(super) async fn deep_nesting(account: &dyn Account) -> Seen {
    account.reset(account.page_rows() + 1).await;
    if !account.mishap(Mishap::DeepNesting, 0, Some(1)) {
        return Ok(Outcome::NotApplicable);
    }
    // Whether it is an error or a row is the platform's choice; the stack must hold.
    let _ = attempt(account, None, &mut Yield::default()).await?;
    Ok(Outcome::Held)
}

fn held_if(any: bool) -> Outcome {
    if any {
        Outcome::Held
    } else {
        Outcome::NotApplicable
    }
}
