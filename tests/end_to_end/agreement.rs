//! Adding a function touches one folder, one template block and one event: this finds what was
//! forgotten.

use std::fs;

use table::{Kind, OWN_COLUMNS, TABLES, Table};

use crate::stack::{root, sorted};

/// The function that makes tables of reports.
pub(crate) const COMPACT: &str = "compact";

/// The functions of chats, tickets and webhooks.
const TICKETS: [&str; 6] = [
    "desk-events",
    "desk-webhook",
    "salesiq-webhook",
    "send-notifications",
    "ticket-api",
    "ticket-worker",
];

/// The functions of the integrations hub.
const HUB: [&str; 3] = ["database-worker", "integrations-api", "integrations-worker"];

/// Whether the function is one report's.
pub(crate) fn is_report(name: &str) -> bool {
    name != COMPACT && !TICKETS.contains(&name) && !HUB.contains(&name)
}

/// The folders of `functions/`.
pub(crate) fn functions() -> Vec<String> {
    let entries = fs::read_dir(root().join("functions")).unwrap();
    sorted(entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()))
}

#[test]
fn every_function_has_a_package_an_event_and_a_template_block() {
    let template = fs::read_to_string(root().join("infra/template.yaml")).unwrap();
    let functions = functions();
    assert_eq!(functions.len(), 25);
    for name in &functions {
        let manifest =
            fs::read_to_string(root().join(format!("functions/{name}/Cargo.toml"))).unwrap();
        assert!(
            manifest.contains(&format!("name = \"{name}\"")),
            "{name}: folder and package differ"
        );
        // Functions behind HTTP have a folder of events, good and bad.
        let event = root().join(format!("events/{name}.json"));
        let folder = root().join(format!("events/{name}"));
        assert!(
            event.is_file() || folder.is_dir(),
            "{name}: no {}",
            event.display()
        );
        for line in [
            format!("CodeUri: ../target/lambda/{name}/"),
            format!("FunctionName: !Sub '${{FunctionNamePrefix}}{name}'"),
        ] {
            assert!(
                template.contains(&line),
                "{name}: the template lacks `{line}`"
            );
        }
        let main =
            fs::read_to_string(root().join(format!("functions/{name}/src/main.rs"))).unwrap();
        assert!(main.lines().count() <= 30, "{name}: main is for wiring");
    }
    let blocks = template.matches("CodeUri: ../target/lambda/").count();
    assert_eq!(
        blocks,
        functions.len(),
        "the template has a function without a folder"
    );
}

#[test]
fn every_report_of_a_known_shape_has_a_table() {
    let reports: Vec<String> = functions()
        .into_iter()
        .filter(|name| is_report(name) && name != "desk-route")
        .collect();
    let tables: Vec<_> = TABLES.iter().map(|table| table.report).collect();
    assert_eq!(tables, reports);
}

/// Glue's columns are written in the template, for people to read; here they are made anew.
#[test]
fn the_tables_of_the_template_have_the_columns_of_the_data() {
    let template = fs::read_to_string(root().join("infra/template.yaml")).unwrap();
    let compact_role = block(&template, "CompactRole");
    for table in &TABLES {
        let report = table.report;
        let name = report.replace('-', "_");
        let resource: String = report.split('-').map(capitalised).collect();
        let own = OWN_COLUMNS.map(|column| (column.name, column.kind.hive()));
        let typed = fields(table, Kind::hive).chain(own);
        for (resource, name, location, columns) in [
            (
                format!("{resource}Table"),
                name.clone(),
                format!("current/{report}/"),
                columns(typed),
            ),
            (
                format!("{resource}RunsTable"),
                format!("{name}_runs"),
                format!("{report}/"),
                columns(fields(table, |_| "string")),
            ),
        ] {
            let found = block(&template, &resource);
            for line in [
                format!("        Name: {name}\n"),
                format!("          Location: !Sub 's3://${{ReportsBucket}}/{location}'\n"),
                columns,
            ] {
                assert!(
                    found.contains(&line),
                    "{resource} in infra/template.yaml should have:\n{line}"
                );
            }
        }
        let readable = format!("- !Sub '${{ReportsBucket.Arn}}/{report}/*'\n");
        assert!(compact_role.contains(&readable), "CompactRole: {report}");
    }
}

fn fields(
    table: &Table,
    hive: impl Fn(Kind) -> &'static str,
) -> impl Iterator<Item = (&'static str, &'static str)> {
    let fields = table.fields.iter();
    fields.map(move |column| (column.name, hive(column.kind)))
}

/// Columns as the template writes them: Glue knows lower case only.
fn columns(columns: impl Iterator<Item = (&'static str, &'static str)>) -> String {
    const WIDTH: usize = 108;
    let items: Vec<String> = columns
        .map(|(name, kind)| format!("{{Name: {}, Type: {kind}}}", name.to_ascii_lowercase()))
        .collect();
    let mut lines = vec![String::new()];
    for (n, item) in items.iter().enumerate() {
        let end = if n + 1 < items.len() { "," } else { "]" };
        match lines.last_mut() {
            Some(line) if line.is_empty() => *line = format!("{item}{end}"),
            Some(line) if line.len() + 1 + item.len() + end.len() <= WIDTH => {
                line.extend([" ", item, end]);
            }
            _ => lines.push(format!("{item}{end}")),
        }
    }
    let lines: Vec<String> = lines
        .iter()
        .map(|line| format!("            {line}\n"))
        .collect();
    format!("          Columns: [\n{}", lines.concat())
}

/// The text of one resource.
fn block<'t>(template: &'t str, resource: &str) -> &'t str {
    let head = format!("\n  {resource}:\n");
    let start = template
        .find(&head)
        .unwrap_or_else(|| panic!("the template has no {resource}"))
        + head.len();
    let rest = &template[start..];
    rest.find("\n\n").map_or(rest, |end| &rest[..=end])
}

fn capitalised(word: &str) -> String {
    let (first, rest) = word.split_at(1);
    first.to_ascii_uppercase() + rest
}
