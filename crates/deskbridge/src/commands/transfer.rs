use std::io::{self, BufWriter, Write as _};

use super::runs::{ended, summary};
use crate::args::{Export, Import, Status};
use crate::client::{Client, Request};
use crate::file::Private;
use crate::model::Started;
use crate::rows::Rows;
use crate::session::Session;
use crate::text::{bytes, plural};
use crate::{Error, follow};

/// Sends the rows of a file, as many at a time as the API takes, each part after the one before.
pub(crate) async fn import(session: &mut Session<'_>, import: &Import) -> Result<(), Error> {
    let client = session.client()?;
    let id = import.id.id;
    let mut rows = Rows::open(session, &import.file)?;
    let mut sent = 0;
    let Some(mut part) = rows.part()? else {
        return Err(Error::Usage(format!(
            "{} holds no rows",
            import.file.display()
        )));
    };
    loop {
        let next = rows.part()?;
        let request = client
            .post(&[&id.to_string(), "data", "import"])
            .query("dataType", &import.stream)
            .body("application/x-ndjson", part.text);
        let answer = client.send(request).await.inspect_err(|_| {
            if sent > 0 {
                let rows = plural(sent, "row");
                session.complain(&format!("the first {rows} were sent before this error"));
            }
        })?;
        let started: Started = answer.json()?;
        sent += part.rows;
        if next.is_none() && import.no_wait {
            note_left_out(session, &rows);
            if session.global.json {
                return session.raw(answer.body());
            }
            let run = &started.run.id;
            return session.print(&format!(
                "{} sent; run {run} takes them in, see `deskbridge runs {id} {run}`\n",
                plural(sent, "row")
            ));
        }
        let (answer, run) = follow::until_ended(session, &client, id, &started.run.id).await?;
        if session.global.json {
            session.raw(answer.body())?;
        } else {
            let text = summary(&run, session.view());
            session.print(&text)?;
        }
        ended(&run)?;
        match next {
            Some(next) => part = next,
            None => break,
        }
    }
    note_left_out(session, &rows);
    Ok(())
}

/// Exported records that are not rows any more.
fn note_left_out(session: &mut Session<'_>, rows: &Rows) {
    if rows.left_out() > 0 {
        session.note(&format!(
            "{} left out: deleted at the source, or without data",
            plural(rows.left_out(), "record")
        ));
    }
}

/// Writes all records as they come, page after page, without holding more than a network packet.
pub(crate) async fn export(session: &mut Session<'_>, export: &Export) -> Result<(), Error> {
    let client = session.client()?;
    let Some(path) = export.output.clone().filter(|path| path.as_os_str() != "-") else {
        let mut sink = Sink::Terminal(session);
        stream(&client, export, &mut sink).await?;
        return Ok(());
    };
    let file = Private::create(&path).map_err(Error::writing(&path))?;
    let mut sink = Sink::File(BufWriter::new(file));
    let (lines, size) = stream(&client, export, &mut sink)
        .await
        .map_err(|error| match error {
            Error::Output(source) => Error::writing(&path)(source),
            other => other,
        })?;
    if let Sink::File(file) = sink {
        file.into_inner()
            .map_err(io::IntoInnerError::into_error)
            .and_then(Private::keep)
            .map_err(Error::writing(&path))?;
    }
    session.note(&format!(
        "{} ({}) in {}",
        plural(lines, "record"),
        bytes(size),
        path.display()
    ));
    Ok(())
}

enum Sink<'s, 't> {
    Terminal(&'s mut Session<'t>),
    File(BufWriter<Private>),
}

impl Sink<'_, '_> {
    fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        match self {
            Self::Terminal(session) => session.write(bytes),
            Self::File(file) => file.write_all(bytes).map_err(Error::Output),
        }
    }
}

/// Lines and bytes written.
async fn stream(
    client: &Client,
    export: &Export,
    sink: &mut Sink<'_, '_>,
) -> Result<(u64, u64), Error> {
    let (mut lines, mut size) = (0, 0);
    let mut cursor: Option<String> = None;
    loop {
        let request = page(client, export, cursor.as_deref());
        let mut page = client.download(request).await?;
        let next = page.header("x-next-cursor").map(str::to_owned);
        while let Some(chunk) = page.chunk().await? {
            lines += chunk.split(|byte| *byte == b'\n').count() as u64 - 1;
            size += chunk.len() as u64;
            sink.write(&chunk)?;
        }
        match next {
            None => return Ok((lines, size)),
            same if same == cursor => return Err(page.endless()),
            next => cursor = next,
        }
    }
}

fn page(client: &Client, export: &Export, cursor: Option<&str>) -> Request {
    let request = client
        .get(&[&export.id.id.to_string(), "data", "export"])
        .maybe("dataType", export.stream.as_deref())
        .maybe("syncStatus", export.status.map(Status::as_str))
        .maybe("cursor", cursor);
    if export.deleted {
        request.query("includeDeleted", "true")
    } else {
        request
    }
}
