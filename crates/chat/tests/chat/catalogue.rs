use std::fmt::Write as _;

use chat::{Catalogue, CatalogueError, Conversation, Input, Outcome, Visitor};

/// A workflow that is right, for files that are wrong in one place.
const RIGHT: &str = r#"
[[workflow]]
id = "vpn"
title = "VPN"
subject = "VPN - {name}"
priority = "Low"
category = "Network"
triggers = ["vpn"]

[[workflow.step]]
field = "place"
kind = "text"
label = "Place"
prompt = "Where are you?"
"#;

#[test]
fn errors_say_where_what_and_what_to_write() {
    Catalogue::parse(RIGHT).unwrap();
    let step = |line: &str| format!("{RIGHT}{line}\n");
    let instead = |old: &str, new: &str| RIGHT.replace(old, new);
    let top = |text: &str| format!("{text}\n{RIGHT}");
    let another = "[[workflow.step]]\nfield=\"f\"\nkind=\"text\"\nlabel=\"L\"\nprompt=\"P\"\n";
    let many_steps = RIGHT.to_owned() + &another.repeat(20);
    let files = [
        ("not TOML", "[[workflow".to_owned()),
        ("unknown table", top("[setings]\nretries = 1")),
        ("unknown setting", top("[settings]\nretry = 1")),
        ("retries out of range", top("[settings]\nretries = 99")),
        ("consent as text", top("[settings]\nconsent = \"yes\"")),
        ("no id", instead("id = \"vpn\"", "")),
        ("bad id", instead("id = \"vpn\"", "id = \"V P N\"")),
        ("reserved id", instead("id = \"vpn\"", "id = \"hand_over\"")),
        ("twice", format!("{RIGHT}{RIGHT}")),
        ("bad priority", instead("\"Low\"", "\"Urgent\"")),
        ("bad placeholder", instead("{name}", "{nmae}")),
        ("empty phrase", instead("[\"vpn\"]", "[\"?!\"]")),
        ("phrases not in a list", instead("[\"vpn\"]", "\"vpn\"")),
        (
            "no steps",
            RIGHT.split("[[workflow.step]]").next().unwrap().to_owned(),
        ),
        ("too many steps", many_steps),
        ("no prompt", instead("prompt = \"Where are you?\"", "")),
        (
            "no English prompt",
            instead("prompt = \"Where are you?\"", "prompt.de = \"Wo?\""),
        ),
        (
            "no language",
            instead("prompt = \"Where are you?\"", "prompt.german = \"Wo?\""),
        ),
        ("long prompt", instead("Where are you?", &"x".repeat(1001))),
        ("unknown kind", instead("\"text\"", "\"number\"")),
        ("unknown key of a step", step("requierd = true")),
        ("key of another kind", step("digits = 4")),
        ("min above max", step("max = 5\nmin = 6")),
        ("text from the first message", step("from_trigger = true")),
        ("never asked", step("ask = false")),
        (
            "one choice",
            instead("\"text\"", "\"choice\"") + "[[workflow.step.choice]]\nvalue = \"A\"\n",
        ),
        (
            "same choices",
            instead("\"text\"", "\"choice\"")
                + "[[workflow.step.choice]]\nvalue = \"A 1\"\n[[workflow.step.choice]]\nvalue = \"a1\"\n",
        ),
        ("no parts", instead("\"text\"", "\"metrics\"")),
        ("unknown text", top("[text.en]\ngreting = \"Hi\"")),
        (
            "placeholder of another text",
            top("[text.en]\ngreeting = \"Hi {email}\""),
        ),
        ("unknown words", top("[words.en]\nnope = [\"no\"]")),
        (
            "answer without triggers",
            top("[[answer]]\nreply = \"Yes.\""),
        ),
    ];
    let mut messages = String::new();
    for (what, file) in files {
        let error = Catalogue::parse(&file).unwrap_err();
        assert!(!error.is_transient());
        let _ = write!(
            messages,
            "{what}\n  {}\n",
            error.to_string().trim_end().replace('\n', "\n  ")
        );
    }
    insta::assert_snapshot!("errors", messages);
}

#[test]
fn a_file_that_is_too_long_is_refused_before_it_is_read() {
    let long = format!("# {}", "x".repeat(300_000));
    let error = Catalogue::parse(&long).unwrap_err();
    assert!(matches!(
        error,
        CatalogueError::TooLong { bytes: 300_002, .. }
    ));
}

#[test]
fn the_example_of_the_readme_works_as_printed() {
    let readme = include_str!("../../README.md");
    let example = readme.split("```toml\n").nth(1).unwrap();
    let example = example.split("```").next().unwrap();
    let catalogue = Catalogue::parse(example).unwrap();
    let visitor = Visitor {
        name: Some("Jane Roe".into()),
        email: Some("jane@company.com".into()),
        email_verified: true,
    };
    let mut conversation = Conversation::new(Some("de"));
    let mut said = Vec::new();
    let mut outcome = None;
    for text in ["my vpn does not connect", "home office", "yes"] {
        let turn = catalogue.step(&conversation, Input::Text(text), &visitor);
        said.extend(turn.replies);
        outcome = turn.outcome;
        conversation = turn.conversation;
    }
    assert_eq!(said[0], "Von wo aus arbeiten Sie?");
    let Some(Outcome::TicketDue(draft)) = outcome else {
        panic!("no ticket: {said:?}")
    };
    assert_eq!(draft.subject, "VPN Problem - Jane Roe");
    let values: Vec<&str> = draft.answers.iter().map(|a| a.value.as_str()).collect();
    assert_eq!(values, ["Home office", "yes"]);
}

#[test]
fn the_readme_names_every_kind_and_every_group_of_words() {
    let readme = include_str!("../../README.md");
    let file = include_str!("../../workflows.toml");
    let english = file.split("[words.en]\n").nth(1).unwrap();
    let english = english.split("\n[").next().unwrap();
    let groups = english
        .lines()
        .filter_map(|line| line.split_once(" = [").map(|(group, _)| group));
    let kinds = [
        "text",
        "email",
        "username_or_email",
        "last_digits",
        "choice",
        "percent",
        "metrics",
        "yes_no",
    ];
    let mut rows = 0;
    for name in groups.chain(kinds) {
        assert!(readme.contains(&format!("| `{name}` |")), "{name}");
        rows += 1;
    }
    assert_eq!(rows, 14 + kinds.len());
}

#[test]
fn a_text_of_ones_own_replaces_the_built_in_one_and_no_other() {
    let file = format!("{RIGHT}\n[text.en]\ngreeting = \"Ahoy!\"\n");
    let catalogue = Catalogue::parse(&file).unwrap();
    let greeting = |language| {
        let conversation = Conversation::new(Some(language));
        let turn = catalogue.step(&conversation, Input::Opened, &Visitor::default());
        turn.replies.concat()
    };
    assert_eq!(greeting("en"), "Ahoy!");
    assert_eq!(greeting("fr"), "Ahoy!");
    assert_eq!(greeting("de"), "Hallo! Wie kann ich Ihnen helfen?");
}

#[test]
fn the_visitor_is_told_of_the_ticket_as_the_requirement_says() {
    let catalogue = Catalogue::built_in();
    let told = catalogue.logged(None, "TKT-123456", "1000001", "john@company.com");
    assert_eq!(
        told,
        "✅ Your request has been logged!\n\nTicket ID: TKT-123456\nTicket Number: 1000001\n\n\
         Our support team has been notified and will assist you shortly.\n\
         You'll receive updates via email at john@company.com."
    );
    let german = catalogue.being_logged(Some("de-AT"), "john@company.com");
    assert!(german.starts_with("Ihre Anfrage") && german.contains("john@company.com"));
    assert_eq!(
        catalogue.anything_else(Some("xx")),
        "Is there anything else I can help you with?"
    );
}

#[test]
fn workflows_are_listed_as_data() {
    let workflows = Catalogue::built_in().workflows();
    insta::assert_json_snapshot!("workflows", workflows);
}
