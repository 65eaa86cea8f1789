use std::borrow::Cow;
use std::fmt::Write as _;

/// Text with the five characters escaped that XML reserves.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            other => out.push(other),
        }
    }
    out
}

/// `<name>text</name>`.
pub(super) fn push_element(out: &mut String, name: &str, text: impl std::fmt::Display) {
    // Writing to a String cannot fail.
    let _ = write!(out, "<{name}>{}</{name}>", escaped(&text.to_string()));
}

/// The contents of all elements called `name` that bear no attributes.
pub(super) fn elements<'a>(xml: &'a str, name: &str) -> Vec<&'a str> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    xml.split(&open)
        .skip(1)
        .filter_map(|rest| rest.split_once(&close).map(|(inner, _)| inner))
        .collect()
}

/// The text of the first element called `name`.
pub(super) fn text<'a>(xml: &'a str, name: &str) -> Option<Cow<'a, str>> {
    let raw = elements(xml, name).into_iter().next()?;
    if !raw.contains('&') {
        return Some(Cow::Borrowed(raw));
    }
    let unescaped = [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&#34;", "\""),
        ("&apos;", "'"),
        ("&amp;", "&"),
    ]
    .into_iter()
    .fold(raw.to_owned(), |text, (from, to)| text.replace(from, to));
    Some(Cow::Owned(unescaped))
}
