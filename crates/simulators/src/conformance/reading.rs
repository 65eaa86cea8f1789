use std::collections::BTreeMap;
use std::time::Duration;

use engine::{Error, Mode, Piece, Reader, Reading, Source};
use serde_json::value::RawValue;

use super::account::Account;
use super::behaviour::{Outcome, Seen};

/// No step of a test against a server on this machine takes longer.
const PATIENCE: Duration = Duration::from_mins(1);

/// Rows by id, and how often each was yielded.
#[derive(Debug, Default)]
pub(super) struct Yield {
    rows: BTreeMap<String, Vec<String>>,
    pub(super) gaps: usize,
}

impl Yield {
    pub(super) fn add(&mut self, account: &dyn Account, piece: &Piece) {
        match piece {
            Piece::Rows { rows, .. } => {
                for row in rows {
                    let texts = self.rows.entry(account.id_of(row)).or_default();
                    texts.push(row.get().to_owned());
                }
            }
            Piece::Gap(_) => self.gaps += 1,
            Piece::Vanished => {}
        }
    }

    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    pub(super) fn has(&self, id: &str) -> bool {
        self.rows.contains_key(id)
    }

    /// Whether these are the account's rows, each once, with the exact text.
    pub(super) async fn is_all(&self, account: &dyn Account) -> Result<(), String> {
        let truth = account.truth().await;
        let missing = truth.iter().filter(|(id, _)| !self.has(id)).count();
        let twice = self.rows.values().filter(|texts| texts.len() > 1).count();
        let strange = self.len() + missing - truth.len();
        if missing + twice + strange + self.gaps > 0 {
            return Err(format!(
                "of {} rows, {missing} are missing and {twice} were yielded more than once; \
                 {strange} others and {} gaps were yielded",
                truth.len(),
                self.gaps,
            ));
        }
        for (id, text) in truth {
            let text = text.as_deref();
            let got = self.rows.get(&id).and_then(|texts| texts.first());
            if let (Some(text), Some(got)) = (text, got)
                && text != got
            {
                return Err(format!("row {id} is {got}, not {text}"));
            }
        }
        Ok(())
    }
}

pub(super) async fn source(account: &dyn Account) -> Result<Box<dyn Source>, String> {
    account
        .source()
        .await
        .map_err(|error| format!("there is no source: {error}"))
}

/// What to read, as the lake's runner asks.
pub(super) fn reading(
    account: &dyn Account,
    mode: Mode,
    state: Option<&RawValue>,
    resume: Option<&RawValue>,
) -> Reading {
    Reading {
        stream: account.stream().to_owned(),
        mode,
        state: state.map(RawValue::to_owned),
        resume: resume.map(RawValue::to_owned),
        fields: Vec::new(),
        started_at: account.now(),
    }
}

/// Opens a reader in a process of its own.
pub(super) async fn open(
    account: &dyn Account,
    reading: Reading,
) -> Result<Box<dyn Reader>, String> {
    let source = source(account).await?;
    in_time(source.read(reading))
        .await?
        .map_err(|error| format!("it cannot be read: {error}"))
}

pub(super) async fn in_time<T>(step: impl Future<Output = T>) -> Result<T, String> {
    tokio::time::timeout(PATIENCE, step)
        .await
        .map_err(|_| format!("no end after {} s", PATIENCE.as_secs()))
}

/// Reads to the end or the first error.
pub(super) async fn drain(
    account: &dyn Account,
    reader: &mut dyn Reader,
    into: &mut Yield,
) -> Result<Result<(), Error>, String> {
    loop {
        match in_time(reader.next()).await? {
            Ok(Some(piece)) => into.add(account, &piece),
            Ok(None) => return Ok(Ok(())),
            Err(error) => return Ok(Err(error)),
        }
    }
}

/// What a position or state looks like in another process.
pub(super) fn kept(value: &RawValue) -> Result<Box<RawValue>, String> {
    const MOST: usize = 100 * 1024;
    if value.get().len() > MOST {
        return Err(format!("{} bytes are too many to keep", value.get().len()));
    }
    RawValue::from_string(value.get().to_owned()).map_err(|error| error.to_string())
}

pub(super) fn position(reader: &dyn Reader) -> Result<Box<RawValue>, String> {
    let position = reader.position().map_err(|error| error.to_string())?;
    kept(&position)
}

/// A run from the first row to the last.
pub(super) async fn run(
    account: &dyn Account,
    mode: Mode,
    state: Option<&RawValue>,
) -> Result<(Yield, Option<Box<RawValue>>), String> {
    let mut reader = open(account, reading(account, mode, state, None)).await?;
    let mut seen = Yield::default();
    drain(account, &mut *reader, &mut seen)
        .await?
        .map_err(|error| format!("reading ends with: {error}"))?;
    if !reader.at_end() {
        return Err("it says None before the end without being stopped".into());
    }
    let state = reader.state().map_err(|error| error.to_string())?;
    let state = state.map(|state| kept(&state)).transpose()?;
    Ok((seen, state))
}

pub(super) async fn every_row_once(account: &dyn Account) -> Seen {
    let page = account.page_rows();
    for rows in [0, 1, page, page + 1, 3 * page + 1] {
        account.reset(rows).await;
        let (seen, _) = run(account, Mode::Full, None).await?;
        seen.is_all(account)
            .await
            .map_err(|what| format!("with {rows} rows: {what}"))?;
    }
    Ok(Outcome::Held)
}
