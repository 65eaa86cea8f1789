use serde_json::value::RawValue;

use crate::Error;
use crate::client::{Answer, Client};
use crate::model::{Kind, Page, Setting, Template};
use crate::session::{Session, View};
use crate::table::{Align, Listing, Sheet};
use crate::text::{clipped, line};

pub(crate) async fn templates(session: &mut Session<'_>, name: Option<&str>) -> Result<(), Error> {
    let client = session.client()?;
    let (answer, all) = fetch(&client).await?;
    let Some(name) = name else {
        return if session.global.json {
            session.raw(answer.body())
        } else {
            let text = table(&all, session.view());
            session.print(&text)
        };
    };
    let template = named(&all, name)?;
    if session.global.json {
        return one_as_sent(session, &answer, &template.name);
    }
    let text = sheet(template, session.view());
    session.print(&text)
}

pub(crate) async fn fetch(client: &Client) -> Result<(Answer, Vec<Template>), Error> {
    let answer = client.send(client.get(&["templates"])).await?;
    let page: Page<Template> = answer.json()?;
    Ok((answer, page.data))
}

/// The template of this name, alias or type, however it is spelled.
pub(crate) fn named<'a>(all: &'a [Template], name: &str) -> Result<&'a Template, Error> {
    let wanted = folded(name);
    let is_it = |template: &&Template| {
        folded(&template.name) == wanted
            || template.aliases.iter().any(|alias| folded(alias) == wanted)
    };
    all.iter().find(is_it).ok_or_else(|| {
        Error::Usage(format!(
            "no template `{name}`; see them with `deskbridge templates`"
        ))
    })
}

/// With `--json` one template is the object of the answer, as the API sent it.
fn one_as_sent(session: &mut Session<'_>, answer: &Answer, name: &str) -> Result<(), Error> {
    let page: Page<Box<RawValue>> = answer.json()?;
    let is_it = |text: &&str| {
        serde_json::from_str::<Template>(text).is_ok_and(|template| template.name == name)
    };
    match page.data.iter().map(|text| text.get()).find(is_it) {
        Some(text) => session.raw(text.as_bytes()),
        None => Ok(()),
    }
}

fn table(all: &[Template], view: View) -> String {
    let columns = [
        ("NAME", Align::Text),
        ("TYPE", Align::Text),
        ("TITLE", Align::Text),
        ("DESCRIPTION", Align::Text),
    ];
    let mut table = Listing::new(columns, view.width);
    for one in all {
        table.row(&[
            one.name.clone(),
            one.platform.clone(),
            one.title.clone(),
            clipped(&one.description, 120),
        ]);
    }
    table.render()
}

fn sheet(one: &Template, view: View) -> String {
    let mut sheet = Sheet::new(view.width);
    sheet
        .put("name", &one.name)
        .put("type", &one.platform)
        .put("title", line(&one.title))
        .put("description", line(&one.description))
        .put("documentation", &one.documentation);
    if !one.credentials.is_empty() {
        sheet.put("credentials", one.credentials.join("\n"));
    }
    if let Some(config) = &one.config {
        sheet.put(
            "config",
            serde_json::to_string_pretty(config).unwrap_or_default(),
        );
    }
    let mut text = sheet.render();
    if !one.settings.is_empty() {
        text.push_str("\nSettings\n");
        text.push_str(&settings(&one.settings, view));
    }
    if !one.actions.is_empty() {
        text.push_str("\nActions\n");
        let columns = [("NAME", Align::Text), ("DESCRIPTION", Align::Text)];
        let mut table = Listing::new(columns, view.width);
        for action in &one.actions {
            table.row(&[action.name.clone(), action.description.clone()]);
        }
        text.push_str(&table.render());
    }
    text
}

fn settings(all: &[Setting], view: View) -> String {
    let columns = [
        ("NAME", Align::Text),
        ("KIND", Align::Text),
        ("NEEDED", Align::Text),
        ("SECRET", Align::Text),
        ("HELP", Align::Text),
    ];
    let mut table = Listing::new(columns, view.width);
    for one in all {
        table.row(&[
            one.name.clone(),
            kind(one),
            if one.required { "yes" } else { "" }.to_owned(),
            if one.secret { "yes" } else { "" }.to_owned(),
            one.help.clone(),
        ]);
    }
    table.render()
}

fn kind(setting: &Setting) -> String {
    match setting.kind {
        Kind::Integer => "whole number".to_owned(),
        Kind::Boolean => "true, false".to_owned(),
        Kind::Choice => setting.choices.join(", "),
        Kind::Json => "JSON".to_owned(),
        Kind::Url => "URL".to_owned(),
        Kind::Text => "text".to_owned(),
    }
}

fn folded(name: &str) -> String {
    name.chars()
        .filter(|c| !matches!(c, '_' | '-' | ' '))
        .flat_map(char::to_lowercase)
        .collect()
}
