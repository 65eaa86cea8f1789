use std::io::Write as _;
use std::path::Path;

use crate::Error;
use crate::file::Private;
use crate::model::{Imported, Imports, Page};
use crate::session::{Session, View};
use crate::table::{Align, Listing};
use crate::text::plural;

pub(crate) async fn export(session: &mut Session<'_>, output: Option<&Path>) -> Result<(), Error> {
    let client = session.client()?;
    let answer = client.send(client.get(&["export"])).await?;
    let Some(path) = output.filter(|path| path.as_os_str() != "-") else {
        return session.raw(answer.body());
    };
    let page: Page<serde_json::Value> = answer.json()?;
    let mut file = Private::create(path).map_err(Error::writing(path))?;
    file.write_all(answer.body())
        .and_then(|()| file.keep())
        .map_err(Error::writing(path))?;
    session.note(&format!(
        "{} in {}; secrets are not in it",
        plural(page.data.len() as u64, "configuration"),
        path.display()
    ));
    Ok(())
}

pub(crate) async fn import(session: &mut Session<'_>, file: &Path) -> Result<(), Error> {
    let bytes = session.read(file)?;
    if let Err(error) = serde_json::from_slice::<&serde_json::value::RawValue>(&bytes) {
        return Err(Error::Usage(format!(
            "{} is not JSON: line {}, column {}",
            file.display(),
            error.line(),
            error.column()
        )));
    }
    let client = session.client()?;
    let answer = client.send(client.post(&["import"]).json(bytes)).await?;
    let imports: Imports = answer.json()?;
    session.show(&answer, table)?;
    for one in &imports.imported {
        if let (Some(id), false) = (one.id, one.needs_credentials.is_empty()) {
            session.note(&format!(
                "integration {id} lacks {}; give them with `deskbridge update {id} --secrets-file FILE`",
                one.needs_credentials.join(", ")
            ));
        }
    }
    if imports.success {
        Ok(())
    } else {
        Err(Error::Failed(
            "not all configurations were taken in; correct those with problems and import them again"
                .to_owned(),
        ))
    }
}

fn table(imports: &Imports, view: View) -> String {
    let columns = [
        ("ID", Align::Number),
        ("NAME", Align::Text),
        ("LACKS", Align::Text),
        ("PROBLEMS", Align::Text),
    ];
    let mut table = Listing::new(columns, view.width);
    for one in &imports.imported {
        table.row(&[
            one.id.map(|id| id.to_string()).unwrap_or_default(),
            one.name.clone(),
            one.needs_credentials.join(", "),
            problems(one),
        ]);
    }
    table.render()
}

fn problems(one: &Imported) -> String {
    let all: Vec<_> = one
        .problems
        .iter()
        .map(|problem| format!("{} {}", problem.field, problem.message))
        .collect();
    all.join("; ")
}
