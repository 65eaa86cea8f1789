use std::collections::BTreeMap;

use notify::{Error, Language, Templates};

use crate::example::{alert, confirmation};

fn with(overrides: &[(&str, &str)]) -> Result<Templates, Error> {
    let owned = |(name, source): &(&str, &str)| ((*name).to_owned(), (*source).to_owned());
    Templates::with(overrides.iter().map(owned).collect::<BTreeMap<_, _>>())
}

#[test]
fn an_override_replaces_one_template() {
    let templates = with(&[(
        "visitor_confirmation.en.subject.txt",
        "[Acme] {{ ticket.number }}",
    )])
    .unwrap();
    let mail = templates
        .render(Language::En, &confirmation().into())
        .unwrap();
    assert_eq!(mail.subject.as_str(), "[Acme] 1000001");
    assert!(mail.text.starts_with("Hello John Doe,"));
}

#[test]
fn overrides_can_give_a_mail_another_language() {
    let templates = with(&[
        ("support_alert.de.subject.txt", "Neu: {{ ticket_subject }}"),
        (
            "support_alert.de.txt",
            "{{ language }}: {{ ticket.number }}",
        ),
        (
            "support_alert.de.html",
            "<p>{{ customer.name or 'unbekannt' }}</p>",
        ),
    ])
    .unwrap();
    let mail = templates.render(Language::De, &alert().into()).unwrap();
    assert_eq!(mail.subject.as_str(), "Neu: Password Reset - John Doe");
    assert_eq!(mail.text, "de: 1000001");
}

#[test]
fn the_layout_can_be_replaced() {
    let templates = with(&[(
        "layout.html",
        "<h1>Acme: {{ subject }}</h1>{% block content %}{% endblock %}",
    )])
    .unwrap();
    let mail = templates
        .render(Language::De, &confirmation().into())
        .unwrap();
    assert!(
        mail.html.starts_with("<h1>Acme: Ihre Anfrage"),
        "{}",
        mail.html
    );
    assert!(mail.html.contains("Guten Tag John Doe"));
}

#[test]
fn a_template_that_cannot_work_is_refused_with_name_and_line() {
    for (name, source, line, why) in [
        ("survey.en.txt", "a\n{% if %}", Some(2), "syntax error"),
        (
            "survey.en.txt",
            "a\n\n{{ customer.name }}",
            Some(3),
            "unknown variable customer.name",
        ),
        (
            "survey.en.txt",
            "{% if visitor_name %}\n{{ visitor }}\n{% endif %}",
            Some(2),
            "unknown variable visitor:",
        ),
        (
            "support_alert.en.txt",
            "{% if false %}\n{{ ticket.nubmer }}{% endif %}",
            Some(2),
            "unknown variable ticket.nubmer",
        ),
        (
            "support_alert.en.txt",
            "{% for line in history.lines %}\n{{ line.who }}{% endfor %}",
            Some(2),
            "undefined",
        ),
        (
            "visitor_confirmation.en.html",
            "\n{{ privacy_policy }}",
            Some(2),
            "may be missing",
        ),
        (
            "survey.en.html",
            "{{ request | safe }}",
            Some(1),
            "unknown filter",
        ),
        (
            "survey.en.html",
            "{% extends 'no.html' %}",
            Some(1),
            "template not found",
        ),
        (
            "layout.html",
            "{{ ticket.id }}",
            Some(1),
            "unknown variable ticket.id",
        ),
        ("survey.fr.txt", "x", None, "no such template"),
        ("other.en.txt", "x", None, "no such template"),
        (
            "support_alert.de.txt",
            "x",
            None,
            "a language needs subject, text and HTML",
        ),
    ] {
        let error = with(&[(name, source)]).unwrap_err();
        let shown = error.to_string();
        let Error::Template { line: at, .. } = error else {
            panic!("{shown}");
        };
        assert_eq!(at, line, "{shown}");
        assert!(shown.contains(why), "{shown}");
        let kind = name.split('.').next().unwrap();
        assert!(shown.contains(kind), "{shown}");
    }
}
