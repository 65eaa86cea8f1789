//! Rules on whole rows.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail loudly")]

use std::borrow::Cow;

use mapping::{Mapper, RowError, Rules, within};
use proptest::prelude::*;
use secrecy::SecretString;
use serde_json::value::RawValue;
use serde_json::{Value, json};

fn salt() -> SecretString {
    "a salt of the tenant's own".to_owned().into()
}

fn mapper(rules: &Value) -> Mapper {
    Rules::read(rules).unwrap().compile(&salt()).unwrap()
}

fn raw(row: &str) -> &RawValue {
    serde_json::from_str(row).unwrap()
}

fn mapped(rules: &Value, row: &str) -> Result<String, RowError> {
    mapper(rules).apply(raw(row)).map(Cow::into_owned)
}

/// All that is wrong with rules, a line each.
fn problems(rules: &Value) -> String {
    let problems = match Rules::read(rules) {
        Ok(rules) => rules.compile(&"short".to_owned().into()).unwrap_err(),
        Err(problems) => problems,
    };
    let lines = within("mapping.tickets", problems);
    let lines: Vec<String> = lines
        .iter()
        .map(|problem| format!("{}: {}", problem.field, problem.message))
        .collect();
    lines.join("\n")
}

#[test]
fn each_step_changes_what_it_names_and_no_other_byte() {
    let row = r#"{"id": 1.0,"n":12345678901234567890,"\u00fc":"\u00e9","o":{"x":1e2,"y":{"z":[ 1 ]}},"e":null}"#;
    for (rules, expected) in [
        (
            json!({"steps": [{"rename": {"from": "n", "to": "number"}}]}),
            r#"{"id":1.0,"number":12345678901234567890,"\u00fc":"\u00e9","o":{"x":1e2,"y":{"z":[ 1 ]}},"e":null}"#,
        ),
        (
            json!({"steps": [{"rename": {"from": "absent", "to": "id"}}, {"drop": {"fields": ["o", "ü", "e"]}}]}),
            r#"{"id":1.0,"n":12345678901234567890}"#,
        ),
        (
            json!({"select": ["n", "o.x", "o.absent", "absent"]}),
            r#"{"n":12345678901234567890,"o":{"x":1e2}}"#,
        ),
        (
            json!({"select": ["e.part", "id"]}),
            r#"{"id":1.0,"e":null}"#,
        ),
        (
            json!({"select": ["id"], "steps": [{"constant": {"field": "id", "value": 7}}, {"constant": {"field": "from", "value": {"desk": [1, "ü"]}}}]}),
            r#"{"id":7,"from":{"desk":[1,"ü"]}}"#,
        ),
        (
            json!({"select": ["id", "n"], "steps": [{"template": {"field": "key", "template": "{{ id }}/{{ n }}"}}]}),
            r#"{"id":1.0,"n":12345678901234567890,"key":"1.0/12345678901234567890"}"#,
        ),
        (
            json!({"select": ["id", "e", "n"], "steps": [
                {"cast": {"field": "id", "to": "integer"}}, {"cast": {"field": "e", "to": "integer"}},
                {"cast": {"field": "n", "to": "text"}}]}),
            r#"{"id":1,"n":"12345678901234567890","e":null}"#,
        ),
        (
            json!({"select": ["o", "e"], "steps": [{"flatten": {"field": "o"}}, {"flatten": {"field": "o_y", "separator": "."}}, {"flatten": {"field": "e"}}]}),
            r#"{"o_x":1e2,"o_y.z":[ 1 ]}"#,
        ),
    ] {
        assert_eq!(mapped(&rules, row).as_deref(), Ok(expected), "{rules}");
    }
}

#[test]
fn a_pseudonym_is_the_keyed_digest_of_the_text() {
    let rules = json!({"steps": [{"hash": {"fields": ["a", "b", "c"]}}]});
    let made = mapped(
        &rules,
        r#"{"a":"ü@example.com","b":"\u00fc@example.com","c":null}"#,
    )
    .unwrap();
    let made: Value = serde_json::from_str(&made).unwrap();
    // printf 'ü@example.com' | openssl dgst -sha256 -hmac "a salt of the tenant's own"
    let expected = "a81884fda61ba688c60d7aac1f528bde9f6120afe4caeda0846c6a827bce4c34";
    assert_eq!(made, json!({"a": expected, "b": expected, "c": null}));
    let other = Rules::read(&rules).unwrap();
    let other = other
        .compile(&"another tenant's salt".to_owned().into())
        .unwrap();
    let other = other.apply(raw(r#"{"a":"ü@example.com"}"#)).unwrap();
    assert!(!other.contains(expected), "another salt, another pseudonym");
    assert!(!format!("{:?}", mapper(&rules)).contains("salt"));
}

#[test]
fn rows_that_do_not_fit_are_refused_with_field_and_reason_and_no_value() {
    let row = r#"{"mail":"secret@example.com","o":{"x":"secret"},"o_x":1,"list":["secret"]}"#;
    let steps = [
        json!({"rename": {"from": "mail", "to": "o"}}),
        json!({"template": {"field": "t", "template": "{{ absent }}"}}),
        json!({"template": {"field": "t", "template": "{{ mail + 1 }}"}}),
        json!({"template": {"field": "t", "template": "{{ mail() }}"}}),
        json!({"cast": {"field": "mail", "to": "integer"}}),
        json!({"cast": {"field": "o", "to": "number"}}),
        json!({"cast": {"field": "mail", "to": "timestamp"}}),
        json!({"cast": {"field": "mail", "to": "date", "format": "%d.%m.%Y"}}),
        json!({"flatten": {"field": "o"}}),
        json!({"flatten": {"field": "list"}}),
    ];
    let refusals: Vec<String> = steps
        .iter()
        .map(|step| {
            mapped(&json!({"steps": [step]}), row)
                .unwrap_err()
                .to_string()
        })
        .chain([
            mapped(&json!({"select": ["mail.x"]}), row)
                .unwrap_err()
                .to_string(),
            mapped(&json!({"select": ["a"]}), "[1]")
                .unwrap_err()
                .to_string(),
        ])
        .collect();
    let refusals = refusals.join("\n");
    assert!(!refusals.contains("secret"), "{refusals}");
    insta::assert_snapshot!(refusals, @r#"
    field `mail` cannot be renamed: the row has a field `o` already
    field `t` is made from a field that this row does not have; use `default` or `is defined`
    field `t` cannot be made by its template: invalid operation
    field `t` cannot be made by its template: invalid operation
    field `mail` is not a number
    field `o` is an object, not a number
    field `mail` is not a timestamp such as 2026-01-31T09:15:00Z
    field `mail` is not a date of the given format
    field `o` cannot be flattened: there is a field `o_x` already
    field `list` cannot be flattened: it is not an object
    field `mail` is not an object, so that fields of it cannot be selected
    the row is not a JSON object
    "#);
}

#[test]
fn all_mistakes_in_rules_are_told_at_once_with_their_places() {
    insta::assert_snapshot!(problems(&json!({
        "select": ["id", "id", "", "o", "o.x", "mail", "price"],
        "steps": [
            {"rename": {"from": "id", "to": "id"}},
            {"rename": {"from": "", "to": "_external_id"}},
            {"cast": {"field": "price", "to": "money"}},
            {"cast": {"field": "price", "to": "integer", "format": "%d"}},
            {"cast": {"field": "price", "to": "date", "format": "%H:%M"}},
            {"cast": {"field": "price", "to": "timestamp", "format": "%d %!"}},
            {"cast": {"field": "unselected", "to": "text"}},
            {"drop": {"fields": ["price"]}},
            {"cast": {"field": "price", "to": "text"}},
            {"drop": {"fields": []}},
            {"template": {"field": "t", "template": "{{ mail"}},
            {"template": {"field": "t", "template": "{% include 'x' %}"}},
            {"template": {"field": "t", "template": "{{ price }}{{ mail }}"}},
            {"template": {"field": "t", "template": "{{ mail|sha }}"}},
            {"flatten": {"field": "o", "separator": "_________"}},
            {"hash": {"fields": ["mail"]}},
        ],
    })), @r#"
    mapping.tickets.select[1]: is selected twice
    mapping.tickets.select[2]: must not be empty
    mapping.tickets.select[4]: the whole object is selected already; remove one of the two
    mapping.tickets.steps[0].rename.to: is the name that the field has already
    mapping.tickets.steps[1].rename.from: must not be empty
    mapping.tickets.steps[1].rename.to: is put into each row anyway; choose another name
    mapping.tickets.steps[2].cast.to: `money` is unknown; there are text, integer, decimal, number, boolean, date and timestamp
    mapping.tickets.steps[3].cast.format: is only for date and timestamp; remove it
    mapping.tickets.steps[4].cast.format: is neither unix, unix_ms nor a pattern of a date such as %d.%m.%Y (date required to parse datetime: year required to parse date)
    mapping.tickets.steps[5].cast.format: is neither unix, unix_ms nor a pattern of a date such as %d.%m.%Y (strftime formatting failed: found unrecognized specifier directive `!`)
    mapping.tickets.steps[9].drop.fields: must name at least one field
    mapping.tickets.steps[10].template.template: is not a template: unexpected end of input, expected end of variable block
    mapping.tickets.steps[11].template.template: must not use `{% include %}`; there are if, for and raw
    mapping.tickets.steps[13].template.template: does not work: filter sha is unknown
    mapping.tickets.steps[14].flatten.separator: must be at most 8 bytes long
    mapping.tickets.steps[15].hash.fields: cannot be hashed: this tenant has no salt yet
    mapping.tickets.steps[6].cast.field: there is no field `unselected`: it is not selected
    mapping.tickets.steps[8].cast.field: there is no field `price` any more at this step
    mapping.tickets.steps[12].template.template: there is no field `price` any more at this step
    "#);
}

#[test]
fn mistakes_in_the_shape_of_rules_are_told_at_once_too() {
    insta::assert_snapshot!(problems(&json!({
        "select": "id",
        "steps": [
            {"rename": {"from": "a"}},
            {"uppercase": {"field": "a"}},
            {"cast": {"field": "a", "to": "text", "of": 1}},
            7,
        ],
        "filter": [],
    })), @r#"
    mapping.tickets.select: must be a list of names
    mapping.tickets.steps[0]: missing field `to`
    mapping.tickets.steps[1]: unknown variant `uppercase`, expected one of `rename`, `constant`, `template`, `cast`, `drop`, `flatten`, `hash`
    mapping.tickets.steps[2]: unknown field `of`, expected one of `field`, `to`, `format`
    mapping.tickets.steps[3]: invalid type: integer `7`, expected string or map
    mapping.tickets.filter: is unknown here; there are select and steps
    "#);
    insta::assert_snapshot!(problems(&json!([])), @r#"mapping.tickets: must be an object"#);
}

#[test]
fn rules_are_stored_as_they_were_sent() {
    let rules = json!({
        "select": ["a"],
        "steps": [
            {"rename": {"from": "a", "to": "b"}},
            {"constant": {"field": "c", "value": 1.0}},
            {"template": {"field": "d", "template": "{{ b }}"}},
            {"cast": {"field": "b", "to": "date", "format": "unix"}},
            {"drop": {"fields": ["b"]}},
            {"flatten": {"field": "d"}},
            {"flatten": {"field": "c", "separator": "."}},
            {"hash": {"fields": ["c"]}},
        ],
    });
    assert_eq!(
        serde_json::to_value(Rules::read(&rules).unwrap()).unwrap(),
        rules
    );
    assert_eq!(serde_json::to_value(Rules::default()).unwrap(), json!({}));
}

fn value() -> impl Strategy<Value = String> {
    let number = "-?(0|[1-9][0-9]{0,40})(\\.[0-9]{1,20})?([eE][+-]?[0-9]{1,2})?";
    let text = "\\PC{0,8}".prop_map(|text: String| Value::from(text).to_string());
    prop_oneof![
        number,
        text,
        Just("null".to_owned()),
        Just("[ 1.0, {} ]".to_owned())
    ]
}

/// The fields of a row, with names of which some need quoting.
fn fields() -> impl Strategy<Value = Vec<(String, String)>> {
    proptest::collection::btree_map("[a-d]|[ü\"\\\\ ]{1,3}", value(), 0..8)
        .prop_map(|fields| fields.into_iter().collect::<Vec<_>>())
        .prop_shuffle()
}

fn written(fields: &[(String, String)]) -> String {
    let fields: Vec<String> = fields
        .iter()
        .map(|(name, value)| format!("{}:{value}", Value::from(name.as_str())))
        .collect();
    format!("{{{}}}", fields.join(","))
}

proptest! {
    #[test]
    fn without_rules_a_row_is_borrowed(fields in fields()) {
        let row = written(&fields);
        let made = mapper(&json!({}));
        prop_assert!(made.is_identity());
        prop_assert!(matches!(made.apply(raw(&row)), Ok(Cow::Borrowed(same)) if same == row));
    }

    #[test]
    fn rules_that_name_absent_fields_change_no_byte(fields in fields()) {
        let row = written(&fields);
        let rules = json!({"steps": [
            {"cast": {"field": "absent", "to": "text"}}, {"hash": {"fields": ["absent"]}},
            {"rename": {"from": "absent", "to": "other"}}, {"flatten": {"field": "other"}},
            {"drop": {"fields": ["missing"]}}]});
        prop_assert_eq!(mapped(&rules, &row).unwrap(), row);
    }

    #[test]
    fn selected_fields_keep_order_and_bytes_and_dropping_is_selecting_the_others(
        fields in fields(),
        chosen in proptest::collection::btree_set("[a-d]", 1..4),
    ) {
        let row = written(&fields);
        let (kept, rest): (Vec<_>, Vec<_>) =
            fields.into_iter().partition(|(name, _)| chosen.contains(name));
        let chosen: Vec<String> = chosen.into_iter().collect();
        let selected = mapped(&json!({"select": &chosen}), &row).unwrap();
        prop_assert_eq!(&selected, &written(&kept));
        let dropped = mapped(&json!({"steps": [{"drop": {"fields": &chosen}}]}), &row).unwrap();
        prop_assert_eq!(dropped, written(&rest));
        let nothing = json!({"select": &chosen, "steps": [{"drop": {"fields": &chosen}}]});
        prop_assert_eq!(mapped(&nothing, &row).unwrap(), "{}");
    }

    #[test]
    fn renaming_there_and_back_changes_no_byte(fields in fields()) {
        let row = written(&fields);
        let rules = json!({"steps": [
            {"rename": {"from": "a", "to": "z"}}, {"rename": {"from": "z", "to": "a"}}]});
        prop_assert_eq!(mapped(&rules, &row).unwrap(), row);
    }

    #[test]
    fn a_cast_to_text_keeps_every_digit(number in "-?(0|[1-9][0-9]{0,40})(\\.[0-9]{1,20})?") {
        let row = format!(r#"{{"n":{number}}}"#);
        let text = mapped(&json!({"steps": [{"cast": {"field": "n", "to": "text"}}]}), &row).unwrap();
        prop_assert_eq!(text, format!(r#"{{"n":"{number}"}}"#));
        let there_and_back = json!({"steps": [
            {"cast": {"field": "n", "to": "text"}}, {"cast": {"field": "n", "to": "number"}}]});
        prop_assert_eq!(mapped(&there_and_back, &row).unwrap(), row);
    }

    #[test]
    fn no_row_makes_the_steps_panic(row in fields(), other in "\\PC{0,12}") {
        let rules = json!({"steps": [
            {"template": {"field": "t", "template": "{{ row['a']|default('') }}{{ b|default(1) }}"}},
            {"cast": {"field": "a", "to": "decimal"}}, {"cast": {"field": "b", "to": "timestamp", "format": "unix"}},
            {"flatten": {"field": "c"}}, {"hash": {"fields": ["d", &other]}}]});
        let rules = Rules::read(&rules).unwrap().compile(&salt());
        if let Ok(mapper) = rules
            && let Ok(made) = mapper.apply(raw(&written(&row)))
        {
            prop_assert!(serde_json::from_str::<serde_json::Map<String, Value>>(&made).is_ok());
        }
    }
}
