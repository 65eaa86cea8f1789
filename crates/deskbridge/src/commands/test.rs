use super::integrations::plain;
use crate::Error;
use crate::follow;
use crate::model::{Run, Started, Tested};
use crate::session::{Session, View};
use crate::table::Sheet;

pub(crate) async fn test(session: &mut Session<'_>, id: u64) -> Result<(), Error> {
    let client = session.client()?;
    let request = client.post(&[&id.to_string(), "test"]);
    let answer = client.send(request).await?;
    if !answer.is_accepted() {
        let tested: Tested = answer.json()?;
        session.show(&answer, facts)?;
        return verdict(session, &tested);
    }
    let started: Started = answer.json()?;
    let (answer, run) = follow::until_ended(session, &client, id, &started.run.id).await?;
    let tested = of_run(run)?;
    if session.global.json {
        session.raw(answer.body())?;
    } else {
        let text = facts(&tested, session.view());
        session.print(&text)?;
    }
    verdict(session, &tested)
}

/// The result of a run that took longer than the API waits.
fn of_run(run: Run) -> Result<Tested, Error> {
    match (run.result, run.error) {
        (_, Some(error)) => Ok(Tested {
            success: false,
            message: error.message,
            facts: serde_json::Map::new(),
            error_type: Some(error.error_type),
        }),
        (Some(result), None) => serde_json::from_value(result)
            .map_err(|_| Error::Failed("the test ended without a result; run it again".to_owned())),
        (None, None) => Err(Error::Failed(
            "the test ended without a result; run it again".to_owned(),
        )),
    }
}

fn facts(tested: &Tested, view: View) -> String {
    let mut sheet = Sheet::new(view.width);
    sheet.put("success", if tested.success { "yes" } else { "no" });
    sheet.put("message", &tested.message);
    sheet.maybe("error", tested.error_type.as_ref());
    for (name, value) in &tested.facts {
        sheet.put(name, plain(value));
    }
    sheet.render()
}

fn verdict(session: &Session<'_>, tested: &Tested) -> Result<(), Error> {
    if tested.success {
        return Ok(());
    }
    let kind = tested.error_type.as_deref().unwrap_or("no reason given");
    Err(Error::Failed(if session.global.json {
        format!("the test was not successful ({kind})")
    } else {
        format!(
            "the test was not successful ({kind}); correct what the message names, then test again"
        )
    }))
}
