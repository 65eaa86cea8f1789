use std::fmt::Write as _;

use jiff::Timestamp;

use crate::Error;
use crate::args::Runs;
use crate::model::{Page, Run, RunError, Status};
use crate::session::{Session, View};
use crate::table::{Align, Listing, Sheet};
use crate::text::{clipped, grouped, plural};
use crate::when::{moment, took};

pub(crate) async fn runs(session: &mut Session<'_>, runs: &Runs) -> Result<(), Error> {
    let client = session.client()?;
    let id = runs.id.id.to_string();
    if let Some(run) = &runs.run {
        let answer = client.send(client.get(&[&id, "runs", run])).await?;
        return session.show(&answer, sheet);
    }
    let request = client
        .get(&[&id, "runs"])
        .query("limit", runs.limit.to_string());
    let answer = client.send(request).await?;
    if !session.global.json {
        let page: Page<Run> = answer.json()?;
        if page.data.is_empty() {
            session.note(&format!(
                "no runs yet; start one with `deskbridge sync {id}`"
            ));
            return Ok(());
        }
    }
    session.show(&answer, table)
}

fn table(page: &Page<Run>, view: View) -> String {
    let columns = [
        ("RUN", Align::Text),
        ("KIND", Align::Text),
        ("STATUS", Align::Text),
        ("BY", Align::Text),
        ("STARTED", Align::Text),
        ("TOOK", Align::Number),
        ("ROWS", Align::Number),
        ("ERROR", Align::Text),
    ];
    let mut table = Listing::new(columns, view.width);
    for run in &page.data {
        let error = run.error.as_ref().map(told).unwrap_or_default();
        let started = run.started_at.as_deref().or(run.created_at.as_deref());
        table.row(&[
            run.id.clone(),
            run.kind.clone(),
            run.status.as_str().to_owned(),
            run.trigger.clone(),
            moment(started, view.now),
            duration(run, view.now).unwrap_or_default(),
            grouped(run.rows()),
            clipped(&error, 120),
        ]);
    }
    table.render()
}

fn sheet(run: &Run, view: View) -> String {
    let mut sheet = Sheet::new(view.width);
    sheet
        .put("run", &run.id)
        .put("kind", &run.kind)
        .put("status", run.status.as_str());
    if !run.status.has_ended() {
        sheet.put("stage", &run.stage);
    }
    sheet
        .put("started by", &run.trigger)
        .put("asked for", moment(run.created_at.as_deref(), view.now));
    if run.started_at.is_some() {
        sheet.put("started", moment(run.started_at.as_deref(), view.now));
    }
    if run.ended_at.is_some() {
        sheet.put("ended", moment(run.ended_at.as_deref(), view.now));
    }
    sheet.maybe("took", duration(run, view.now));
    if run.full {
        sheet.put("full", "yes");
    }
    if let Some(used) = run.used {
        let text = format!(
            "{}, {}, sent again {}",
            plural(used.requests, "request"),
            plural(used.credits, "credit"),
            grouped(used.retries)
        );
        sheet.put("used", text);
    }
    sheet.maybe("error", run.error.as_ref().map(told));
    if let Some(result) = &run.result {
        sheet.put(
            "result",
            serde_json::to_string_pretty(result).unwrap_or_default(),
        );
    }
    let mut text = sheet.render();
    if !run.streams.is_empty() {
        text.push('\n');
        text.push_str(&streams(run, view));
    }
    text
}

/// What a run did, stream by stream, and in all.
pub(crate) fn summary(run: &Run, view: View) -> String {
    let mut text = if run.streams.is_empty() {
        String::new()
    } else {
        streams(run, view)
    };
    let took = duration(run, view.now)
        .map(|took| format!(" in {took}"))
        .unwrap_or_default();
    // Writing to a String does not fail.
    let _ = writeln!(
        text,
        "{} {} {}: {}{took}",
        run.kind,
        run.id,
        run.status.as_str(),
        plural(run.rows(), "row"),
    );
    text
}

fn streams(run: &Run, view: View) -> String {
    let columns = [
        ("STREAM", Align::Text),
        ("STAGE", Align::Text),
        ("MODE", Align::Text),
        ("ROWS", Align::Number),
        ("PAGES", Align::Number),
        ("FAILED", Align::Number),
        ("DELETED", Align::Number),
        ("DRIFT", Align::Number),
        ("NOTES", Align::Text),
    ];
    let mut table = Listing::new(columns, view.width);
    for stream in &run.streams {
        let mut notes: Vec<_> = stream.error.iter().map(told).collect();
        notes.extend(stream.warnings.iter().cloned());
        table.row(&[
            stream.name.clone(),
            stream.stage.clone(),
            stream.mode.clone().unwrap_or_default(),
            grouped(stream.rows),
            grouped(stream.pages),
            grouped(stream.failed_rows),
            grouped(stream.deleted),
            grouped(stream.drift),
            notes.join("; "),
        ]);
    }
    table.render()
}

/// Whether the run did what was asked.
pub(crate) fn ended(run: &Run) -> Result<(), Error> {
    if run.status == Status::Succeeded {
        return Ok(());
    }
    let why = match &run.error {
        Some(error) => told(error),
        None => run
            .streams
            .iter()
            .find_map(|stream| {
                let error = stream.error.as_ref()?;
                Some(format!("{}: {}", stream.name, told(error)))
            })
            .unwrap_or_else(|| "no reason is recorded".to_owned()),
    };
    Err(Error::Failed(format!(
        "the {} failed: {why}; what was good before still is",
        run.kind
    )))
}

fn told(error: &RunError) -> String {
    if error.error_type.is_empty() {
        error.message.clone()
    } else {
        format!("{} [{}]", error.message, error.error_type)
    }
}

fn duration(run: &Run, now: Timestamp) -> Option<String> {
    let started: Timestamp = run.started_at.as_deref()?.parse().ok()?;
    let ended = match &run.ended_at {
        Some(ended) => ended.parse().ok()?,
        None => now,
    };
    Some(took(ended.duration_since(started)))
}
