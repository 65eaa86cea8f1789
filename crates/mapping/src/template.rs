use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::io;

use minijinja::value::Value;
use minijinja::{Environment, Error, ErrorKind, UndefinedBehavior, filters, tests};
use serde_json::value::RawValue;

use crate::row::{Row, unquoted};

/// Bytes of a template.
const MAX_SOURCE: usize = 4_000;
/// Bytes of the text that a template makes of a row.
const MAX_TEXT: usize = 64 * 1024;
/// Instructions that a row may take.
const FUEL: u64 = 10_000;
/// How deep into a value a template can look; what lies below is its JSON as text.
const MAX_DEPTH: usize = 16;
/// The name of the whole row, for fields whose names are no identifiers.
const ROW: &str = "row";
/// What does neither reach beyond the row nor make its text grow in steps that fuel does not count:
/// no includes, no macros, no `set`.
const TAGS: [&str; 8] = [
    "if", "elif", "else", "endif", "for", "endfor", "raw", "endraw",
];

/// A template that makes text of a row and can do nothing else.
#[derive(Debug)]
pub(crate) struct Template {
    environment: Environment<'static>,
    variables: BTreeSet<String>,
}

impl Template {
    /// An error is a sentence's end for who wrote the template.
    pub(crate) fn compile(source: &str) -> Result<Self, String> {
        if source.len() > MAX_SOURCE {
            return Err(format!("must be at most {MAX_SOURCE} bytes long"));
        }
        if let Some(tag) = forbidden_tag(source) {
            return Err(format!(
                "must not use `{{% {tag} %}}`; there are if, for and raw"
            ));
        }
        let mut environment = sandbox();
        environment
            .add_template_owned(ROW, source.to_owned())
            .map_err(|error| {
                let detail = error.detail().unwrap_or("it does not parse");
                format!("is not a template: {detail}")
            })?;
        let template = environment
            .get_template(ROW)
            .map_err(|error| error.kind().to_string())?;
        let variables = template.undeclared_variables(false).into_iter().collect();
        let template = Self {
            environment,
            variables,
        };
        template.check_names()?;
        Ok(template)
    }

    /// Filters are only looked up when they are used, so a row is made up. What that row does not
    /// reach is found with the first row that does.
    fn check_names(&self) -> Result<(), String> {
        let scope: BTreeMap<&str, &str> = self.fields().map(|name| (name, "1")).collect();
        let rendered = self
            .environment
            .get_template(ROW)
            .and_then(|template| template.render_captured_to(Value::from(scope), io::sink()));
        match rendered {
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::UnknownFilter | ErrorKind::UnknownTest | ErrorKind::UnknownFunction
                ) =>
            {
                let detail = error.detail().unwrap_or("it uses what is unknown");
                Err(format!("does not work: {detail}"))
            }
            _ => Ok(()),
        }
    }

    /// The fields that it looks at, by their names.
    pub(crate) fn fields(&self) -> impl Iterator<Item = &str> {
        let names = self.variables.iter().map(String::as_str);
        names.filter(|name| *name != ROW)
    }

    /// The text that it makes of `row`, or why it makes none, without quoting the row.
    pub(crate) fn render(&self, row: &Row<'_>) -> Result<String, String> {
        let mut scope: BTreeMap<&str, Value> = self
            .fields()
            .filter_map(|name| Some((name, value(&row.get(name)?.value, 0))))
            .collect();
        if self.variables.contains(ROW) {
            scope.insert(ROW, object(row, 0));
        }
        let mut text = Bounded(Vec::new());
        self.environment
            .get_template(ROW)
            .and_then(|template| template.render_captured_to(Value::from(scope), &mut text))
            .map_err(|error| why(&error))?;
        String::from_utf8(text.0).map_err(|_| "gets a text that is not UTF-8".to_owned())
    }
}

fn sandbox() -> Environment<'static> {
    let mut environment = Environment::empty();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(FUEL));
    environment.set_recursion_limit(20);
    environment.add_filter("lower", filters::lower);
    environment.add_filter("upper", filters::upper);
    environment.add_filter("title", filters::title);
    environment.add_filter("capitalize", filters::capitalize);
    environment.add_filter("trim", filters::trim);
    environment.add_filter("default", filters::default);
    environment.add_filter("first", filters::first);
    environment.add_filter("last", filters::last);
    environment.add_filter("length", filters::length);
    environment.add_filter("replace", replace);
    environment.add_filter("join", join);
    environment.add_test("defined", tests::is_defined);
    environment.add_test("undefined", tests::is_undefined);
    environment.add_test("none", tests::is_none);
    environment.add_test("string", tests::is_string);
    environment.add_test("number", tests::is_number);
    environment
}

/// As the usual filter, with a limit: nested replacements grow exponentially.
fn replace(text: &str, from: &str, to: &str) -> Result<String, Error> {
    if from.is_empty() {
        return Err(Error::new(
            ErrorKind::InvalidOperation,
            "nothing to replace",
        ));
    }
    let mut made = String::new();
    for (n, part) in text.split(from).enumerate() {
        if n > 0 {
            made.push_str(to);
        }
        made.push_str(part);
        within_limit(made.len())?;
    }
    Ok(made)
}

/// As the usual filter, with a limit: a list may be repeated without its items taking memory.
fn join(list: &Value, separator: Option<&str>) -> Result<String, Error> {
    let mut made = String::new();
    for (n, item) in list.try_iter()?.enumerate() {
        if n > 0 {
            made.push_str(separator.unwrap_or_default());
        }
        made.push_str(&item.to_string());
        // Counts items too, or a list of nothing would be read for ever.
        within_limit(made.len().max(n))?;
    }
    Ok(made)
}

fn within_limit(length: usize) -> Result<(), Error> {
    if length > MAX_TEXT {
        return Err(Error::from(ErrorKind::WriteFailure));
    }
    Ok(())
}

/// The first tag that is not allowed.
fn forbidden_tag(source: &str) -> Option<&str> {
    source.split("{%").skip(1).find_map(|rest| {
        let rest = rest.trim_start_matches(['-', '+']).trim_start();
        let end = rest
            .find(|c: char| !c.is_ascii_alphabetic())
            .unwrap_or(rest.len());
        let tag = &rest[..end];
        (!TAGS.contains(&tag)).then_some(tag)
    })
}

/// A value as a template sees it, `depth` levels below its field. Numbers with fraction or exponent
/// are text, so that they are written as the source wrote them.
fn value(json: &str, depth: usize) -> Value {
    if let Some(text) = unquoted(json) {
        return Value::from(text.into_owned());
    }
    match json.as_bytes().first() {
        Some(b'n') => Value::from(()),
        Some(b't') => Value::from(true),
        Some(b'f') => Value::from(false),
        Some(b'{') if depth < MAX_DEPTH => {
            Row::read(json).map_or_else(|_| Value::UNDEFINED, |row| object(&row, depth))
        }
        Some(b'[') if depth < MAX_DEPTH => list(json, depth),
        _ => json
            .parse::<i64>()
            .map_or_else(|_| Value::from(json), Value::from),
    }
}

fn object(row: &Row<'_>, depth: usize) -> Value {
    let fields = row.fields().iter();
    let map: BTreeMap<String, Value> = fields
        .map(|field| (field.name().into_owned(), value(&field.value, depth + 1)))
        .collect();
    Value::from(map)
}

fn list(json: &str, depth: usize) -> Value {
    let items: Vec<&RawValue> = serde_json::from_str(json).unwrap_or_default();
    let items = items.into_iter().map(|item| value(item.get(), depth + 1));
    Value::from(items.collect::<Vec<Value>>())
}

fn why(error: &Error) -> String {
    let why: Cow<'static, str> = match error.kind() {
        ErrorKind::UndefinedError => {
            "is made from a field that this row does not have; use `default` or `is defined`".into()
        }
        ErrorKind::OutOfFuel => "takes too many steps to make".into(),
        ErrorKind::WriteFailure => format!("gets longer than {MAX_TEXT} bytes").into(),
        // The error's own detail may quote a value.
        kind => format!("cannot be made by its template: {kind}").into(),
    };
    why.into_owned()
}

/// Takes text up to the limit.
struct Bounded(Vec<u8>);

impl io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > MAX_TEXT {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod unit {
    use super::*;

    fn render(template: &str, row: &str) -> Result<String, String> {
        Template::compile(template)?.render(&Row::read(row).unwrap())
    }

    #[test]
    fn text_is_made_from_fields() {
        for (template, row, text) in [
            ("{{ a }} {{ b }}", r#"{"a":"x","b":"y"}"#, "x y"),
            ("{{ a }}", r#"{"a":1.0}"#, "1.0"),
            (
                "{{ a }}",
                r#"{"a":12345678901234567890}"#,
                "12345678901234567890",
            ),
            ("{{ a + 1 }}", r#"{"a":41}"#, "42"),
            ("{{ a.b }}", r#"{"a":{"b":"<&>"}}"#, "<&>"),
            ("{{ row['Due Date'] }}", r#"{"Due Date":"soon"}"#, "soon"),
            ("{{ tags|join(', ') }}", r#"{"tags":["a","b"]}"#, "a, b"),
            (
                "{% for t in tags %}[{{ t }}]{% endfor %}",
                r#"{"tags":["a","b"]}"#,
                "[a][b]",
            ),
            ("{{ mail|trim|lower }}", r#"{"mail":" A@B "}"#, "a@b"),
            ("{{ a|default('-') }}", "{}", "-"),
            (
                "{% if a is defined %}{{ a }}{% else %}none{% endif %}",
                "{}",
                "none",
            ),
            ("{{ a|replace('-', '') }}", r#"{"a":"1-2-3"}"#, "123"),
            ("{{ 'on' if a else 'off' }}", r#"{"a":true}"#, "on"),
        ] {
            assert_eq!(render(template, row).as_deref(), Ok(text), "{template}");
        }
    }

    #[test]
    fn a_missing_field_is_an_error_that_quotes_nothing() {
        let why = render("{{ a }} {{ b }}", r#"{"a":"secret"}"#).unwrap_err();
        assert!(why.contains("does not have"), "{why}");
        let why = render("{{ a + 1 }}", r#"{"a":"secret"}"#).unwrap_err();
        assert!(!why.contains("secret"), "{why}");
    }

    #[test]
    fn templates_end_and_stay_small() {
        let row = r#"{"a":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}"#;
        for template in [
            "{% for x in 'a' * 90000 %}{{ x }}{% endfor %}",
            "{{ [1] * 1000000000 }}",
            "{{ ([1] * 1000000000)|join }}",
            "{{ ([''] * 1000000000)|join }}",
            "{{ ('a' * 99000) ~ ('a' * 99000) }}",
            "{{ a|replace('a', a)|replace('a', a)|replace('a', a)|replace('a', a) }}",
            "{% for x in [1]*1000 %}{% for y in [1]*1000 %}{% endfor %}{% endfor %}",
            "{{ 'a' * 99999999999 }}",
        ] {
            assert!(render(template, row).is_err(), "{template}");
        }
    }

    #[test]
    fn a_row_of_any_depth_does_not_exhaust_the_stack() {
        let row = format!(r#"{{"a":{}{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
        assert!(render("{{ a|length }}", &row).is_ok_and(|text| text == "1"));
    }

    #[test]
    fn what_reaches_beyond_the_row_is_refused_when_rules_are_saved() {
        for template in [
            "{% include 'x' %}",
            "{%- include 'x' %}",
            "{% import 'x' as y %}",
            "{% set a = a ~ a %}",
            "{% macro m() %}{% endmacro %}",
            "{% block b %}{% endblock %}",
            "{% filter upper %}x{% endfilter %}",
            "{% %}",
            "{{ a",
            "{% if a %}",
        ] {
            assert!(Template::compile(template).is_err(), "{template}");
        }
        for template in ["{{ a|sha }}", "{{ a is prime }}"] {
            assert!(Template::compile(template).is_err(), "{template}");
        }
        assert!(render("{{ range(10) }}", "{}").is_err());
        assert!(render("{{ debug() }}", "{}").is_err());
    }

    #[test]
    fn it_knows_the_fields_that_it_looks_at() {
        let template = Template::compile("{{ a.b }}{{ row.c }}{% for x in y %}{{ x }}{% endfor %}");
        let template = template.unwrap();
        assert_eq!(template.fields().collect::<Vec<_>>(), ["a", "y"]);
    }
}
