use engine::Mode;
use serde_json::value::RawValue;

use super::account::Account;
use super::behaviour::{Outcome, Seen};
use super::reading::run;

pub(super) async fn what_changed(account: &dyn Account) -> Seen {
    account.reset(3 * account.page_rows() + 1).await;
    let (_, state) = run(account, Mode::Full, None).await?;
    let Some(state) = state else {
        return Ok(Outcome::NotApplicable);
    };
    let state = yields_no_more_than_ties(account, state).await?;
    let ids: Vec<String> = account
        .truth()
        .await
        .into_iter()
        .map(|(id, _)| id)
        .collect();
    // A tie over more than one page, then a change of some of the same rows.
    let many = ids.iter().step_by(2).cloned().collect::<Vec<_>>();
    let few = ids.iter().take(2).cloned().collect::<Vec<_>>();
    let state = yields_changed(account, state, &many).await?;
    let state = yields_changed(account, state, &few).await?;
    let state = yields_changed(account, state, &few).await?;
    yields_no_more_than_ties(account, state).await?;
    Ok(Outcome::Held)
}

async fn yields_changed(
    account: &dyn Account,
    state: Box<RawValue>,
    ids: &[String],
) -> Result<Box<RawValue>, String> {
    account.change(ids).await;
    let (seen, after) = run(account, Mode::Incremental, Some(&state)).await?;
    let missing = ids.iter().filter(|id| !seen.has(id)).count();
    if missing > 0 {
        return Err(format!(
            "{missing} of {} changed rows are missing",
            ids.len()
        ));
    }
    let others = seen.len() - ids.len();
    if others > account.read_again() {
        return Err(format!("{others} rows that did not change were read again"));
    }
    after.ok_or_else(|| "an incremental run has no state at its end".into())
}

/// Twice: the state of a run that saw nothing new is as good as the one before.
async fn yields_no_more_than_ties(
    account: &dyn Account,
    state: Box<RawValue>,
) -> Result<Box<RawValue>, String> {
    let (_, first) = run(account, Mode::Incremental, Some(&state)).await?;
    let first = first.ok_or("an incremental run has no state at its end")?;
    let (seen, second) = run(account, Mode::Incremental, Some(&first)).await?;
    let most = account.read_again().max(account.truth().await.len() / 2);
    if seen.len() > most {
        return Err(format!(
            "{} rows were read again, none had changed",
            seen.len()
        ));
    }
    second.ok_or_else(|| "an incremental run has no state at its end".into())
}
