use comfy_table::{Cell, CellAlignment, ContentArrangement, Row, Table, presets};

use crate::text;

/// Lines of a cell, at most: a whole record in one cell would push all others off the screen.
const HIGHEST: usize = 3;

/// Width where standard output is no terminal: nothing is wrapped, for `grep` to find it.
const UNBOUNDED: u16 = u16::MAX;

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Align {
    Text,
    Number,
}

/// Rows under headings, as wide as the terminal.
pub(crate) struct Listing {
    columns: Vec<(&'static str, Align)>,
    table: Table,
}

impl Listing {
    pub(crate) fn new<const N: usize>(
        columns: [(&'static str, Align); N],
        width: Option<u16>,
    ) -> Self {
        let mut table = sized(width);
        table.set_header(columns.map(|(name, align)| cell(name, align)));
        Self {
            columns: columns.to_vec(),
            table,
        }
    }

    pub(crate) fn row<const N: usize>(&mut self, cells: &[String; N]) {
        let cells = cells
            .iter()
            .zip(&self.columns)
            .map(|(text, (_, align))| cell(&text::line(text), *align));
        let mut row = Row::from(cells);
        row.max_height(HIGHEST);
        self.table.add_row(row);
    }

    pub(crate) fn render(&self) -> String {
        trimmed(&self.table)
    }
}

/// Names and values of one thing.
pub(crate) struct Sheet(Table);

impl Sheet {
    pub(crate) fn new(width: Option<u16>) -> Self {
        Self(sized(width))
    }

    /// Adds a line; a value may have several.
    pub(crate) fn put(&mut self, name: &str, value: impl AsRef<str>) -> &mut Self {
        self.0
            .add_row([text::line(name), text::shown(value.as_ref()).into_owned()]);
        self
    }

    /// The same, if there is a value.
    pub(crate) fn maybe(&mut self, name: &str, value: Option<impl AsRef<str>>) -> &mut Self {
        if let Some(value) = value {
            self.put(name, value);
        }
        self
    }

    pub(crate) fn render(&self) -> String {
        trimmed(&self.0)
    }
}

fn sized(width: Option<u16>) -> Table {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(width.unwrap_or(UNBOUNDED));
    table
}

fn cell(text: &str, align: Align) -> Cell {
    Cell::new(text).set_alignment(match align {
        Align::Text => CellAlignment::Left,
        Align::Number => CellAlignment::Right,
    })
}

/// Without the blanks around, which the style without lines leaves.
fn trimmed(table: &Table) -> String {
    let mut text = String::new();
    for line in table.lines() {
        let line = line.strip_prefix(' ').unwrap_or(&line);
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listing(width: Option<u16>) -> String {
        let mut listing = Listing::new([("NAME", Align::Text), ("ROWS", Align::Number)], width);
        listing.row(&["first".to_owned(), "1,000".to_owned()]);
        listing.row(&[
            "a second one with a long name\nof two lines".to_owned(),
            "7".to_owned(),
        ]);
        listing.render()
    }

    #[test]
    fn numbers_are_at_the_right_and_nothing_is_wrapped_in_a_pipe() {
        assert_eq!(
            listing(None),
            "NAME                                         ROWS\n\
             first                                       1,000\n\
             a second one with a long name of two lines      7\n"
        );
    }

    #[test]
    fn a_table_fits_the_terminal() {
        let text = listing(Some(24));
        assert!(
            text.lines().all(|line| line.chars().count() <= 24),
            "{text}"
        );
        assert!(text.lines().count() > 3);
    }
}
