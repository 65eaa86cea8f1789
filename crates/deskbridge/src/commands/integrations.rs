use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use crate::Error;
use crate::args::{Delete, Update};
use crate::body;
use crate::client::Client;
use crate::model::{Integration, Page};
use crate::session::{Session, View};
use crate::table::{Align, Listing, Sheet};
use crate::text::{clipped, line};
use crate::when::moment;

pub(crate) async fn list(session: &mut Session<'_>) -> Result<(), Error> {
    let client = session.client()?;
    let mut cursor: Option<String> = None;
    let mut all = Vec::new();
    loop {
        let request = client
            .get(&[])
            .query("limit", "100")
            .maybe("cursor", cursor.as_deref());
        let answer = client.send(request).await?;
        let page: Page<Integration> = answer.json()?;
        if session.global.json {
            session.raw(answer.body())?;
        }
        all.extend(page.data);
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    if session.global.json {
        return Ok(());
    }
    if all.is_empty() {
        session.note("no integrations yet; make one with `deskbridge create`");
        return Ok(());
    }
    let text = table(&all, session.view());
    session.print(&text)
}

fn table(all: &[Integration], view: View) -> String {
    let mut table = Listing::new(
        [
            ("ID", Align::Number),
            ("NAME", Align::Text),
            ("TYPE", Align::Text),
            ("STATUS", Align::Text),
            ("EVERY", Align::Number),
            ("LAST SYNC", Align::Text),
            ("ERROR", Align::Text),
        ],
        view.width,
    );
    for one in all {
        table.row(&[
            one.id.to_string(),
            one.name.clone(),
            one.platform.clone(),
            status(one),
            one.sync_interval.map(interval).unwrap_or_default(),
            moment(one.last_sync.as_deref(), view.now),
            clipped(one.error_message.as_deref().unwrap_or_default(), 120),
        ]);
    }
    table.render()
}

pub(crate) async fn show(session: &mut Session<'_>, id: u64) -> Result<(), Error> {
    let client = session.client()?;
    let answer = client.send(client.get(&[&id.to_string()])).await?;
    session.show(&answer, sheet)
}

pub(crate) async fn update(session: &mut Session<'_>, update: &Update) -> Result<(), Error> {
    let mut body = body::read(
        session,
        update.file.as_deref(),
        update.secrets_file.as_deref(),
    )?;
    if let Some(name) = &update.name {
        body.insert("name".to_owned(), name.as_str().into());
    }
    if let Some(status) = update.status {
        body.insert("status".to_owned(), status.as_str().into());
    }
    if let Some(minutes) = update.every {
        body.insert("syncInterval".to_owned(), minutes.into());
    }
    let client = session.client()?;
    let request = client
        .patch(&[&update.id.id.to_string()])
        .json(Value::Object(body).to_string());
    let answer = client.send(request).await?;
    session.show(&answer, sheet)
}

pub(crate) async fn delete(session: &mut Session<'_>, delete: &Delete) -> Result<(), Error> {
    let client = session.client()?;
    let id = delete.id.id.to_string();
    if !delete.yes {
        let answer = client.send(client.get(&[&id])).await?;
        let integration: Integration = answer.json()?;
        let question = format!(
            "Delete integration {id} `{}` ({}), its credentials{} and its schedule?",
            integration.name,
            integration.platform,
            if delete.with_data {
                ", its records"
            } else {
                ""
            }
        );
        if !session.confirm(&question, "pass --yes to delete without asking")? {
            return Err(Error::Failed("nothing was deleted".to_owned()));
        }
    }
    let fate = if delete.with_data { "delete" } else { "keep" };
    let answer = client
        .send(client.delete(&[&id]).query("data", fate))
        .await?;
    let gone = !delete.no_wait && wait_until_gone(&client, &id).await?;
    if gone {
        session.note(&format!("integration {id} is deleted"));
    } else {
        session.note(&format!(
            "integration {id} is being deleted; it is gone when `deskbridge show {id}` does not find it"
        ));
    }
    if session.global.json {
        session.raw(answer.body())?;
    }
    Ok(())
}

/// The hub first ends what is under way, and revokes credentials where the vendor can.
const REMOVAL: Duration = Duration::from_mins(1);

async fn wait_until_gone(client: &Client, id: &str) -> Result<bool, Error> {
    let began = Instant::now();
    let mut wait = client.patience().poll;
    while began.elapsed() < REMOVAL {
        match client.send(client.get(&[id])).await {
            Err(Error::Refused(refusal)) if refusal.status == 404 => return Ok(true),
            Ok(_) => {}
            Err(error) => return Err(error),
        }
        tokio::time::sleep(wait).await;
        wait = wait.mul_f32(1.5).min(client.patience().longest_poll);
    }
    Ok(false)
}

/// An integration in full.
pub(crate) fn sheet(one: &Integration, view: View) -> String {
    let mut sheet = Sheet::new(view.width);
    sheet
        .put("id", one.id.to_string())
        .put("name", line(&one.name))
        .put("type", &one.platform)
        .put("status", status(one))
        .maybe("error", one.error_message.as_ref());
    if one.consecutive_failures > 0 {
        sheet.put("failed in a row", one.consecutive_failures.to_string());
    }
    sheet.put("last sync", moment(one.last_sync.as_deref(), view.now));
    if let Some(run) = &one.current_run {
        let text = format!("{} {}: {}", run.kind, run.id, run.status.as_str());
        sheet.put("now", text);
    }
    sheet.maybe("syncs every", one.sync_interval.map(interval));
    sheet.maybe("in full every", one.full_every.map(hours));
    for (name, value) in &one.config {
        sheet.put(&format!("config.{name}"), plain(value));
    }
    let streams: Vec<_> = one.streams.iter().map(stream).collect();
    if !streams.is_empty() {
        sheet.put("streams", streams.join("\n"));
    }
    if !one.mapping.is_empty() {
        let mapped: Vec<_> = one.mapping.keys().map(String::as_str).collect();
        sheet.put("mapped", mapped.join("\n"));
    }
    sheet
        .put("created", moment(one.created_at.as_deref(), view.now))
        .put("changed", moment(one.updated_at.as_deref(), view.now));
    sheet.render()
}

fn status(one: &Integration) -> String {
    if one.removing {
        "being deleted".to_owned()
    } else {
        one.status.clone()
    }
}

/// Text as it is, anything else as JSON.
pub(crate) fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn stream(choice: &Value) -> String {
    let Some(name) = choice.get("name").and_then(Value::as_str) else {
        return plain(choice);
    };
    let fields: Vec<_> = choice
        .get("fields")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .map(plain)
        .collect();
    if fields.is_empty() {
        name.to_owned()
    } else {
        format!("{name}: {}", fields.join(", "))
    }
}

fn interval(minutes: u64) -> String {
    match minutes {
        0 => "never".to_owned(),
        _ if minutes.is_multiple_of(1440) => format!("{} d", minutes / 1440),
        _ if minutes.is_multiple_of(60) => format!("{} h", minutes / 60),
        _ => format!("{minutes} min"),
    }
}

fn hours(hours: u64) -> String {
    match hours {
        0 => "never".to_owned(),
        hours => format!("{hours} h"),
    }
}
