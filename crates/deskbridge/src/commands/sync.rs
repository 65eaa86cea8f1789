use serde_json::json;

use super::runs::{ended, summary};
use crate::args::Sync;
use crate::model::Started;
use crate::session::Session;
use crate::{Error, follow};

pub(crate) async fn sync(session: &mut Session<'_>, sync: &Sync) -> Result<(), Error> {
    let client = session.client()?;
    let id = sync.id.id;
    let body = json!({"full": sync.full, "streams": sync.streams});
    let request = client
        .post(&[&id.to_string(), "sync"])
        .once(sync.idempotency_key.as_deref())?
        .json(body.to_string());
    let answer = client.send(request).await?;
    let started: Started = answer.json()?;
    let run = started.run.id;
    if sync.no_wait {
        if session.global.json {
            return session.raw(answer.body());
        }
        return session.print(&format!(
            "sync {run} is queued; see how far it is with `deskbridge runs {id} {run}`\n"
        ));
    }
    let (answer, run) = follow::until_ended(session, &client, id, &run).await?;
    if session.global.json {
        session.raw(answer.body())?;
    } else {
        let text = summary(&run, session.view());
        session.print(&text)?;
    }
    ended(&run)
}
