use serde_json::{Value, json};
use webhook::Refusal;
use webhook::desk::{Change, DeskEvent, EntityKind, EventType, Posted, parse};

use crate::forge::sha256_hex;

fn event(change: &Value) -> Value {
    let mut event = json!({
        "payload": {"id": "890000000012345678", "departmentId": "11", "subject": "planted"},
        "eventTime": "1767225600000", "eventType": "Ticket_Add", "orgId": "700000001",
    });
    for (key, value) in change.as_object().unwrap() {
        event[key] = value.clone();
    }
    event
}

fn events(body: &Value) -> Vec<DeskEvent> {
    let Posted::Events(events) = parse(body.to_string().as_bytes()).unwrap() else {
        unreachable!("a list is not a trial")
    };
    events
}

fn one(change: &Value) -> DeskEvent {
    events(&json!([event(change)])).pop().unwrap()
}

fn refused(body: &[u8]) -> Refusal {
    parse(body).unwrap_err()
}

#[test]
fn an_event_is_read_and_its_payload_kept_as_it_came() {
    let body = br#" [{"payload":{ "id":"17", "n":1.50 },"eventTime":"1767225600123","eventType":"Ticket_Update","orgId":"7","prevState":{"status":"Open"}}] "#;
    let Posted::Events(events) = parse(body).unwrap() else {
        panic!("no events");
    };
    let event = &events[0];
    assert_eq!(
        event.event_type,
        EventType::Of(EntityKind::Ticket, Change::Updated)
    );
    assert_eq!(event.entity, EntityKind::Ticket);
    assert_eq!(event.org_id, "7");
    assert_eq!(event.event_time.to_string(), "2026-01-01T00:00:00.123Z");
    assert_eq!(event.id.as_deref(), Some("17"));
    assert_eq!(event.ticket_id.as_deref(), Some("17"));
    assert_eq!(event.payload.get(), r#"{ "id":"17", "n":1.50 }"#);
    assert_eq!(
        event.prev_state.as_ref().unwrap().get(),
        r#"{"status":"Open"}"#
    );
    assert_eq!(event.dedupe_key(), "7:Ticket_Update:17:1767225600123");
}

#[test]
fn ids_are_found_where_they_sensibly_are() {
    let cases = [
        ("Ticket_Delete", json!({"id": "5"}), Some("5"), Some("5")),
        ("Ticket_Delete", json!({"id": 5}), Some("5"), Some("5")),
        (
            "Ticket_Delete",
            json!({"ticketId": "5"}),
            Some("5"),
            Some("5"),
        ),
        (
            "Ticket_Delete",
            json!({"ticket": {"id": "5"}}),
            Some("5"),
            Some("5"),
        ),
        ("Ticket_Delete", json!("5"), Some("5"), Some("5")),
        ("Ticket_Delete", json!(null), None, None),
        ("Ticket_Delete", json!({"id": "x' or 1=1"}), None, None),
        (
            "Ticket_Comment_Add",
            json!({"id": "9", "ticketId": "5"}),
            Some("9"),
            Some("5"),
        ),
        (
            "Ticket_Thread_Add",
            json!({"id": "9", "ticket": {"id": "5"}}),
            Some("9"),
            Some("5"),
        ),
        ("Contact_Delete", json!({"contactId": "8"}), Some("8"), None),
        (
            "Contact_Add",
            json!({"id": "8", "ticketId": "5"}),
            Some("8"),
            None,
        ),
        ("Something_New", json!({"id": "8"}), Some("8"), None),
    ];
    for (kind, payload, id, ticket_id) in cases {
        let event = one(&json!({"eventType": kind, "payload": payload}));
        assert_eq!(event.id.as_deref(), id, "{kind} {payload}");
        assert_eq!(event.ticket_id.as_deref(), ticket_id, "{kind} {payload}");
    }
    for payload in [
        json!({"departmentId": 3}),
        json!({"department": {"id": "3"}}),
    ] {
        let event = one(&json!({"payload": payload}));
        assert_eq!(event.department.as_deref(), Some("3"), "{payload}");
    }
}

#[test]
fn one_event_has_one_key_and_another_has_another() {
    let key = |change: &Value| one(change).dedupe_key();
    let first = key(&json!({}));
    assert_eq!(first, key(&json!({"eventTime": 1_767_225_600_000_u64})));
    assert_eq!(
        first,
        key(&json!({"payload": {"id": "890000000012345678", "subject": "x"}}))
    );
    for change in [
        json!({"eventTime": "1767225600001"}),
        json!({"eventType": "Ticket_Update"}),
        json!({"orgId": "700000002"}),
        json!({"payload": {"id": "2"}}),
    ] {
        assert_ne!(first, key(&change), "{change}");
    }
    let unnamed = key(&json!({"payload": {"a": 1}}));
    assert!(unnamed.contains(&sha256_hex(r#"{"a":1}"#)), "{unnamed}");
    assert_ne!(unnamed, key(&json!({"payload": {"a": 2}})));
}

#[test]
fn an_event_travels_through_a_queue_unchanged() {
    for change in [
        json!({}),
        json!({"prevState": {"a": [null]}}),
        json!({"eventType": "Something_New", "payload": "x"}),
    ] {
        let event = one(&change);
        let sent = serde_json::to_string(&event).unwrap();
        let received: DeskEvent = serde_json::from_str(&sent).unwrap();
        assert_eq!(received.dedupe_key(), event.dedupe_key());
        assert_eq!(received.event_type, event.event_type);
        assert_eq!(received.payload.get(), event.payload.get());
        assert_eq!(serde_json::to_string(&received).unwrap(), sent);
    }
    assert!(serde_json::from_str::<DeskEvent>(r#"{"eventType":"x"}"#).is_err());
}

#[test]
fn the_trial_post_is_told_from_events() {
    for body in ["", " \r\n", "{}", " { } "] {
        assert!(
            matches!(parse(body.as_bytes()), Ok(Posted::Validation)),
            "{body:?}"
        );
    }
    assert_eq!(events(&json!([])).len(), 0);
}

#[test]
fn what_is_no_list_of_events_is_refused() {
    let deep = format!("[{{\"payload\":{}{}}}]", "[".repeat(63), "]".repeat(63));
    let cases: [(&[u8], u16, &str); 13] = [
        (b"[", 400, "not_json"),
        (b"[]]", 400, "not_json"),
        (b"{\"a\":1", 400, "not_json"),
        (b"x", 400, "not_json"),
        (b"\xff", 400, "not_utf8"),
        (deep.as_bytes(), 400, "too_deep"),
        (b"{\"payload\":{}}", 422, "unknown_shape"),
        (b"1", 422, "unknown_shape"),
        (b"null", 422, "unknown_shape"),
        (b"[1]", 422, "unknown_shape"),
        (b"[null]", 422, "unknown_shape"),
        (
            br#"[["x", "1767225600000", "Ticket_Add", "7", "y"]]"#,
            422,
            "unknown_shape",
        ),
        (b"[{}]", 422, "invalid_field"),
    ];
    for (body, status, code) in cases {
        let refusal = refused(body);
        assert_eq!(
            (refusal.status(), refusal.code()),
            (status, code),
            "{}",
            String::from_utf8_lossy(body)
        );
    }
    assert_eq!(refused(&vec![b' '; 1024 * 1024 + 1]).status(), 413);
    let many = Value::from(vec![event(&json!({})); 101]);
    let refusal = refused(many.to_string().as_bytes());
    assert_eq!((refusal.status(), refusal.code()), (422, "too_many_events"));
    let most = Value::from(vec![event(&json!({})); 100]);
    assert_eq!(events(&most).len(), 100);
}

#[test]
fn a_field_that_is_wrong_is_named_with_its_place() {
    let cases = [
        (json!({"eventType": null}), "[1].eventType"),
        (json!({"eventType": "Ticket Add"}), "[1].eventType"),
        (json!({"orgId": "seven"}), "[1].orgId"),
        (json!({"orgId": {}}), "[1].orgId"),
        (json!({"eventTime": "soon"}), "[1].eventTime"),
        (json!({"eventTime": -1}), "[1].eventTime"),
        // Seconds would become another time when the event is read again from the queue.
        (json!({"eventTime": "1767225600"}), "[1].eventTime"),
        (json!({"eventTime": 1e300}), "[1].eventTime"),
    ];
    for (change, place) in cases {
        let body = json!([event(&json!({})), event(&change)]);
        let refusal = refused(body.to_string().as_bytes());
        assert_eq!(refusal.status(), 422);
        assert!(refusal.to_string().starts_with(place), "{refusal}");
    }
}

#[test]
fn an_event_shows_nothing_of_its_payload() {
    let shown = format!("{:?}", one(&json!({"prevState": "planted"})));
    assert!(!shown.contains("planted"), "{shown}");
}
