use crate::Error;
use crate::client::{Answer, Client};
use crate::model::Run;
use crate::progress::Progress;
use crate::session::Session;

/// Watches a run until it ends; the answer is its last record.
pub(crate) async fn until_ended(
    session: &mut Session<'_>,
    client: &Client,
    integration: u64,
    run: &str,
) -> Result<(Answer, Run), Error> {
    let interrupted = session.world.terminal.interrupted();
    let mut progress = Progress::new(session);
    let watch = watch(session, client, integration, run, &mut progress);
    tokio::select! {
        biased;
        outcome = watch => outcome,
        () = interrupted => Err(Error::Interrupted(format!(
            "you stopped watching; run {run} goes on at the hub. See how far it is with `deskbridge runs {integration} {run}`"
        ))),
    }
}

async fn watch(
    session: &mut Session<'_>,
    client: &Client,
    integration: u64,
    run: &str,
    progress: &mut Progress,
) -> Result<(Answer, Run), Error> {
    let integration = integration.to_string();
    let mut wait = client.patience().poll;
    loop {
        let request = client.get(&[&integration, "runs", run]);
        let answer = client.send(request).await.inspect_err(|error| {
            progress.end();
            if error.is_transient() {
                session.complain(&format!(
                    "run {run} goes on at the hub; see how far it is with `deskbridge runs {integration} {run}`"
                ));
            }
        })?;
        let record: Run = answer.json()?;
        progress.show(session, &record);
        if record.status.has_ended() {
            progress.end();
            return Ok((answer, record));
        }
        tokio::time::sleep(wait).await;
        wait = wait.mul_f32(1.5).min(client.patience().longest_poll);
    }
}
