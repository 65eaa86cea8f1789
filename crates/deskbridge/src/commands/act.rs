use serde_json::{Map, json};

use crate::args::Act;
use crate::model::{Acted, Started};
use crate::session::{Session, View};
use crate::table::Sheet;
use crate::{Error, body, follow};

pub(crate) async fn act(session: &mut Session<'_>, act: &Act) -> Result<(), Error> {
    let parameters = match &act.file {
        Some(path) => body::object(session, path)?,
        None => Map::new(),
    };
    let client = session.client()?;
    let id = act.id.id;
    let body = json!({"action": act.action, "parameters": parameters});
    let request = client
        .post(&[&id.to_string(), "actions"])
        .once(act.idempotency_key.as_deref())?
        .json(body.to_string());
    let answer = client.send(request).await?;
    if !answer.is_accepted() {
        return session.show(&answer, render);
    }
    let started: Started = answer.json()?;
    let (answer, run) = follow::until_ended(session, &client, id, &started.run.id).await?;
    if session.global.json {
        session.raw(answer.body())?;
    }
    if let Some(error) = run.error {
        return Err(Error::Failed(format!(
            "the action failed: {} [{}]",
            error.message, error.error_type
        )));
    }
    if session.global.json {
        return Ok(());
    }
    let acted = Acted {
        message: "done".to_owned(),
        data: run.result,
    };
    let text = render(&acted, session.view());
    session.print(&text)
}

fn render(acted: &Acted, view: View) -> String {
    let mut sheet = Sheet::new(view.width);
    sheet.put("message", &acted.message);
    if let Some(data) = &acted.data {
        sheet.put(
            "result",
            serde_json::to_string_pretty(data).unwrap_or_default(),
        );
    }
    sheet.render()
}
