use std::time::Duration;

use engine::{Mode, Reader, Stop};
use futures_util::future::poll_immediate;
use serde_json::value::RawValue;

use super::account::Account;
use super::behaviour::{Outcome, Seen};
use super::reading::{Yield, drain, in_time, open, position, reading, source};

/// Legs without a row that are still no standstill.
const IDLE_LEGS: usize = 20;

/// Each leg is another process: it is stopped after its first piece, the very first one before.
pub(super) async fn at_each_piece(account: &dyn Account, how: Stop) -> Seen {
    account.reset(4 * account.page_rows() + 1).await;
    let mut seen = Yield::default();
    let mut resume: Option<Box<RawValue>> = None;
    let (mut pieces, mut idle) = (0, 0);
    loop {
        let before = seen.len();
        let reading = reading(account, Mode::Full, None, resume.as_deref());
        let mut reader = open(account, reading).await?;
        for _ in 0..pieces.min(1) {
            match in_time(reader.next()).await? {
                Ok(Some(piece)) => seen.add(account, &piece),
                Ok(None) => break,
                Err(error) => return Err(format!("a leg ends with: {error}")),
            }
        }
        pieces += 1;
        reader.stop(how);
        drain(account, &mut *reader, &mut seen)
            .await?
            .map_err(|error| format!("a stopped leg ends with: {error}"))?;
        if reader.at_end() {
            break;
        }
        resume = Some(position(&*reader)?);
        idle = if seen.len() > before { 0 } else { idle + 1 };
        if idle > IDLE_LEGS {
            return Err(format!("{IDLE_LEGS} legs brought no row"));
        }
    }
    seen.is_all(account)
        .await
        .map_err(|what| format!("over {pieces} legs: {what}"))?;
    Ok(Outcome::Held)
}

pub(super) async fn foreign_positions(account: &dyn Account) -> Seen {
    account.reset(account.page_rows() + 1).await;
    for text in [
        "null",
        "0",
        "[]",
        "{}",
        "\"abc\"",
        r#"{"v":4294967295}"#,
        r#"{"version":0,"somebody":"else"}"#,
    ] {
        let foreign = RawValue::from_string(text.into()).map_err(|error| error.to_string())?;
        let reading = reading(account, Mode::Full, None, Some(&foreign));
        let source = source(account).await?;
        if let Ok(mut reader) = in_time(source.read(reading)).await?
            && in_time(reader.next()).await?.is_ok()
        {
            return Err(format!("it resumes at {text}"));
        }
    }
    Ok(Outcome::Held)
}

pub(super) async fn dropped_futures(account: &dyn Account) -> Seen {
    account.reset(3 * account.page_rows() + 1).await;
    let mut reader = open(account, reading(account, Mode::Full, None, None)).await?;
    let mut seen = Yield::default();
    in_time(impatiently(account, &mut *reader, &mut seen)).await??;
    seen.is_all(account).await?;
    Ok(Outcome::Held)
}

/// Waits a moment, drops the future, waits longer.
async fn impatiently(
    account: &dyn Account,
    reader: &mut dyn Reader,
    seen: &mut Yield,
) -> Result<(), String> {
    let mut patience = Duration::ZERO;
    loop {
        // The first look polls once: time that is measured in milliseconds lets fast readers finish.
        let looked = match patience {
            Duration::ZERO => poll_immediate(reader.next()).await,
            patience => tokio::time::timeout(patience, reader.next()).await.ok(),
        };
        match looked {
            None => patience = patience * 2 + Duration::from_millis(1),
            Some(Ok(Some(piece))) => {
                seen.add(account, &piece);
                patience = Duration::ZERO;
            }
            Some(Ok(None)) => return Ok(()),
            Some(Err(error)) => return Err(format!("reading ends with: {error}")),
        }
    }
}
