use serde_json::{Map, Value};

use super::integrations::sheet;
use super::{guide, templates, test};
use crate::args::Create;
use crate::client::Client;
use crate::model::Integration;
use crate::session::Session;
use crate::{Error, body};

pub(crate) async fn create(session: &mut Session<'_>, create: &Create) -> Result<(), Error> {
    let client = session.client()?;
    let mut body = match &create.file {
        Some(file) => body::read(session, Some(file), create.secrets_file.as_deref())?,
        None => guided(session, &client, create).await?,
    };
    if let Some(name) = &create.name {
        body.insert("name".to_owned(), name.as_str().into());
    }
    let request = client
        .post(&[])
        .once(create.idempotency_key.as_deref())?
        .json(Value::Object(body).to_string());
    let answer = client.send(request).await?;
    let created: Integration = answer.json()?;
    if !session.global.json || !create.test {
        session.show(&answer, sheet)?;
    }
    if create.test {
        return test::test(session, created.id).await;
    }
    session.note(&format!(
        "integration {id} is created; test it with `deskbridge test {id}`, sync it with `deskbridge sync {id}`",
        id = created.id
    ));
    Ok(())
}

async fn guided(
    session: &mut Session<'_>,
    client: &Client,
    create: &Create,
) -> Result<Map<String, Value>, Error> {
    if !session.world.terminal.interactive() {
        return Err(Error::Usage(
            "nobody is there to answer questions; give the body with --file, and its secrets with --secrets-file"
                .to_owned(),
        ));
    }
    let secrets = match &create.secrets_file {
        Some(path) => body::secrets_in(session, path)?,
        None => Map::new(),
    };
    let (_, all) = templates::fetch(client).await?;
    let template = match &create.template {
        Some(name) => templates::named(&all, name)?,
        None => guide::choose(session, &all)?,
    };
    let mut body = Map::new();
    if create.name.is_none() {
        let name = session.ask("Name of the integration", Some(&template.title))?;
        body.insert("name".to_owned(), name.trim().into());
    }
    body.insert("type".to_owned(), template.platform.as_str().into());
    let answers = guide::settings(session, template, secrets)?;
    body.insert("config".to_owned(), answers.config.into());
    body.insert("credentials".to_owned(), answers.credentials.into());
    body.insert("syncInterval".to_owned(), interval(session)?.into());
    Ok(body)
}

fn interval(session: &mut Session<'_>) -> Result<u32, Error> {
    loop {
        let text = session.ask("Minutes between two syncs", Some("60"))?;
        match text.trim().parse() {
            Ok(minutes) if minutes > 0 => return Ok(minutes),
            _ => session.complain("write a whole number of minutes, such as 60"),
        }
    }
}
