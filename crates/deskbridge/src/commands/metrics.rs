use jiff::SignedDuration;

use crate::Error;
use crate::args;
use crate::model::{Figures, Metrics};
use crate::session::{Session, View};
use crate::table::{Align, Listing, Sheet};
use crate::text::grouped;
use crate::when::took;

pub(crate) async fn metrics(session: &mut Session<'_>, of: &args::Metrics) -> Result<(), Error> {
    if let (Some(from), Some(to)) = (of.from, of.to)
        && from > to
    {
        return Err(Error::Usage(format!(
            "--from {from} is after --to {to}; exchange them"
        )));
    }
    let client = session.client()?;
    let request = client
        .get(&[&of.id.id.to_string(), "metrics"])
        .maybe("startDate", of.from.map(|day| day.to_string()))
        .maybe("endDate", of.to.map(|day| day.to_string()));
    let answer = client.send(request).await?;
    session.show(&answer, render)
}

fn render(metrics: &Metrics, view: View) -> String {
    let totals = &metrics.totals;
    let mut sheet = Sheet::new(view.width);
    sheet
        .put(
            "days",
            format!("{} to {} (UTC)", metrics.start_date, metrics.end_date),
        )
        .put(
            "syncs",
            format!(
                "{}: {} succeeded, {} failed{}",
                grouped(totals.runs),
                grouped(totals.succeeded),
                grouped(totals.failed),
                share(totals)
            ),
        )
        .put(
            "rows",
            format!(
                "{} read, {} not taken in, {} deleted",
                grouped(totals.rows),
                grouped(totals.failed_rows),
                grouped(totals.deleted)
            ),
        )
        .put("requests", grouped(totals.requests))
        .put(
            "a sync takes",
            format!(
                "{} on average; half of them up to {}, 95 % up to {}",
                millis(totals.average_duration_ms),
                millis(totals.p50_duration_ms),
                millis(totals.p95_duration_ms)
            ),
        );
    let mut text = sheet.render();
    if !metrics.days.is_empty() {
        text.push('\n');
        text.push_str(&days(metrics, view));
    }
    if !totals.streams.is_empty() {
        text.push('\n');
        text.push_str(&streams(totals, view));
    }
    text
}

fn days(metrics: &Metrics, view: View) -> String {
    let columns = [
        ("DAY", Align::Text),
        ("SYNCS", Align::Number),
        ("FAILED", Align::Number),
        ("ROWS", Align::Number),
        ("NOT TAKEN IN", Align::Number),
        ("DELETED", Align::Number),
        ("AVERAGE", Align::Number),
    ];
    let mut table = Listing::new(columns, view.width);
    for day in &metrics.days {
        let figures = &day.figures;
        table.row(&[
            day.date.clone(),
            grouped(figures.runs),
            grouped(figures.failed),
            grouped(figures.rows),
            grouped(figures.failed_rows),
            grouped(figures.deleted),
            millis(figures.average_duration_ms),
        ]);
    }
    table.render()
}

fn streams(totals: &Figures, view: View) -> String {
    let columns = [
        ("STREAM", Align::Text),
        ("ROWS", Align::Number),
        ("NOT TAKEN IN", Align::Number),
        ("DELETED", Align::Number),
        ("FAILED SYNCS", Align::Number),
    ];
    let mut table = Listing::new(columns, view.width);
    for (name, figures) in &totals.streams {
        table.row(&[
            name.clone(),
            grouped(figures.rows),
            grouped(figures.failed_rows),
            grouped(figures.deleted),
            grouped(figures.failed),
        ]);
    }
    table.render()
}

fn share(totals: &Figures) -> String {
    match (totals.succeeded * 1000).checked_div(totals.runs) {
        Some(thousandths) => format!(" ({}.{} %)", thousandths / 10, thousandths % 10),
        None => String::new(),
    }
}

fn millis(millis: u64) -> String {
    took(SignedDuration::from_millis(
        i64::try_from(millis).unwrap_or(i64::MAX),
    ))
}
