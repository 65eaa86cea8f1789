use crate::Error;
use crate::args::Data;
use crate::model::{Page, Record, StreamView};
use crate::session::{Session, View};
use crate::table::{Align, Listing};
use crate::text::{clipped, grouped};
use crate::when::moment;

/// Characters of a record in a table.
const LONGEST: usize = 160;

pub(crate) async fn streams(session: &mut Session<'_>, id: u64) -> Result<(), Error> {
    let client = session.client()?;
    let answer = client
        .send(client.get(&[&id.to_string(), "streams"]))
        .await?;
    session.show(&answer, stream_table)
}

fn stream_table(page: &Page<StreamView>, view: View) -> String {
    let columns = [
        ("STREAM", Align::Text),
        ("KEY", Align::Text),
        ("CURSOR", Align::Text),
        ("FIELDS", Align::Number),
        ("SYNCED", Align::Number),
        ("PENDING", Align::Number),
        ("FAILED", Align::Number),
        ("DELETED", Align::Number),
        ("LAST SYNC", Align::Text),
        ("LAST FULL", Align::Text),
    ];
    let mut table = Listing::new(columns, view.width);
    for stream in &page.data {
        let counts = stream.counts.unwrap_or_default();
        table.row(&[
            stream.name.clone(),
            stream.primary_key.join(", "),
            stream.cursor.clone().unwrap_or_default(),
            grouped(stream.fields.len() as u64),
            grouped(counts.synced),
            grouped(counts.pending),
            grouped(counts.failed),
            grouped(counts.deleted),
            moment(stream.last_sync.as_deref(), view.now),
            moment(stream.last_full.as_deref(), view.now),
        ]);
    }
    let mut text = table.render();
    let changed = page.data.iter().any(|stream| !stream.drift.is_empty());
    if changed {
        text.push_str("\nChanges of columns\n");
        text.push_str(&drift(&page.data, view));
    }
    text
}

fn drift(streams: &[StreamView], view: View) -> String {
    let columns = [
        ("STREAM", Align::Text),
        ("FIELD", Align::Text),
        ("CHANGE", Align::Text),
        ("FOUND", Align::Text),
    ];
    let mut table = Listing::new(columns, view.width);
    for stream in streams {
        for entry in &stream.drift {
            let change = match (&entry.from, &entry.to) {
                (Some(from), Some(to)) => format!("{from} became {to}"),
                _ => entry.change.replace('_', " "),
            };
            table.row(&[
                stream.name.clone(),
                entry.field.clone(),
                change,
                moment(entry.at.as_deref(), view.now),
            ]);
        }
    }
    table.render()
}

pub(crate) async fn records(session: &mut Session<'_>, data: &Data) -> Result<(), Error> {
    let client = session.client()?;
    let id = data.id.id.to_string();
    let mut cursor: Option<String> = None;
    let mut first = true;
    loop {
        let mut request = client
            .get(&[&id, "data"])
            .query("limit", data.limit.to_string())
            .maybe("dataType", data.stream.as_deref())
            .maybe("syncStatus", data.status.map(crate::args::Status::as_str))
            .maybe("cursor", cursor.as_deref());
        if data.deleted {
            request = request.query("includeDeleted", "true");
        }
        let answer = client.send(request).await?;
        let page: Page<Record> = answer.json()?;
        if session.global.json {
            session.raw(answer.body())?;
        } else if !page.data.is_empty() {
            let text = record_table(&page.data, session.view());
            session.print(&if first { text } else { format!("\n{text}") })?;
            first = false;
        }
        cursor = page.next_cursor;
        // A page may be empty although there is a next one.
        if cursor.is_none() || !(data.all || first && !session.global.json) {
            break;
        }
    }
    if first && !session.global.json {
        session.note("no such records");
    } else if cursor.is_some() {
        session.note("there are more; see them with --all, or `deskbridge export`");
    }
    Ok(())
}

fn record_table(records: &[Record], view: View) -> String {
    let columns = [
        ("TYPE", Align::Text),
        ("EXTERNAL ID", Align::Text),
        ("STATUS", Align::Text),
        ("LAST SYNC", Align::Text),
        ("DATA", Align::Text),
    ];
    let mut table = Listing::new(columns, view.width);
    for record in records {
        let status = match (&record.deleted_at, record.sync_status.as_str()) {
            (Some(_), _) => "deleted".to_owned(),
            (None, status) => status.to_owned(),
        };
        let data = match (&record.error, &record.data) {
            (Some(error), _) => error.clone(),
            (None, Some(data)) => data.get().to_owned(),
            (None, None) => String::new(),
        };
        table.row(&[
            record.data_type.clone(),
            record.external_id.clone(),
            status,
            moment(record.last_sync.as_deref(), view.now),
            clipped(&data, LONGEST),
        ]);
    }
    table.render()
}
