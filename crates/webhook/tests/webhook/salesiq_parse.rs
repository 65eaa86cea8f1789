use serde_json::{Value, json};
use webhook::salesiq::{Answer, Delivery, Format, Kind, parse};
use webhook::{MessageText, Refusal};

fn read(body: &Value) -> Delivery {
    parse(body.to_string().as_bytes()).unwrap()
}

fn refused(body: &Value) -> Refusal {
    parse(body.to_string().as_bytes()).unwrap_err()
}

fn text(text: &str) -> MessageText {
    MessageText::new(text).unwrap()
}

/// `base` with `changes` laid over it; null removes a field.
fn with(base: &Value, changes: &Value) -> Value {
    let mut body = base.clone();
    for (key, value) in changes.as_object().unwrap() {
        body[key] = value.clone();
    }
    body
}

fn flat() -> Value {
    json!({
        "chat_id": "chat_123", "visitor_id": "visitor_456",
        "visitor_email": "customer@company.com", "visitor_name": "John Doe",
        "visitor_phone": "555-1234", "message": "I forgot my password",
    })
}

fn zobot(handler: &str) -> Value {
    json!({
        "handler": handler, "operation": "message",
        "visitor": {
            "id": "v1", "name": "Ann", "email": "ann@x.test", "phone": "+1 5",
            "active_conversation_id": "c1", "channel": "website", "language": "en",
        },
        "request": {"id": "r1", "conversation_id": "c1"},
    })
}

fn event(name: &str, entity: &Value) -> Value {
    let base =
        json!({"id": "c1", "visitor": {"id": "v1", "name": "Ann", "email_id": "ann@x.test"}});
    json!({
        "entity_type": "conversation", "event": name, "entity_id": "c1",
        "org_id": "7", "app_id": "9", "attempt": 1, "version": "1",
        "entity": with(&base, entity),
    })
}

#[test]
fn the_requirements_payload_is_read() {
    let delivery = read(&flat());
    assert_eq!(delivery.format, Format::Flat);
    assert_eq!(delivery.chat_id.as_str(), "chat_123");
    assert_eq!(delivery.kind, Kind::Message(text("I forgot my password")));
    assert_eq!(delivery.delivery_id, None);
    assert_eq!(delivery.sequence, None);
    assert_eq!(delivery.sent_at, None);
    let visitor = &delivery.visitor;
    assert_eq!(visitor.id.as_ref().unwrap().as_str(), "visitor_456");
    assert_eq!(visitor.name.as_ref().unwrap().as_str(), "John Doe");
    assert_eq!(
        visitor.email.as_ref().unwrap().as_str(),
        "customer@company.com"
    );
    assert_eq!(visitor.phone.as_ref().unwrap().as_str(), "555-1234");
    assert!(!visitor.email_verified);
}

#[test]
fn a_sender_that_can_do_more_is_understood() {
    let delivery = read(&with(
        &flat(),
        &json!({
            "chat_id": 123_456_789_012_345_678_u64, "visitor_id": 42, "message_id": 7,
            "sequence": "3", "sent_at": "2025-11-26T17:50:00+01:00", "language": "pt-BR",
            "visitor_email_verified": true, "event": "message", "unknown": {"a": [1]},
        }),
    ));
    assert_eq!(delivery.chat_id.as_str(), "123456789012345678");
    assert_eq!(delivery.visitor.id.unwrap().as_str(), "42");
    assert_eq!(delivery.delivery_id.as_deref(), Some("7"));
    assert_eq!(delivery.sequence, Some(3));
    assert_eq!(
        delivery.sent_at.unwrap().to_string(),
        "2025-11-26T16:50:00Z"
    );
    assert_eq!(delivery.visitor.language.as_deref(), Some("pt-BR"));
    assert!(delivery.visitor.email_verified);
}

#[test]
fn the_flat_event_says_what_happened() {
    for (event, kind) in [("opened", Kind::Opened), ("ended", Kind::Ended)] {
        let delivery = read(&json!({"chat_id": "c", "event": event}));
        assert_eq!(delivery.kind, kind);
    }
    let digits = read(&json!({"chat_id": "c", "message": 1234}));
    assert_eq!(digits.kind, Kind::Message(text("1234")));
}

#[test]
fn what_a_flat_sender_can_mend_is_refused_by_name() {
    let cases = [
        (json!({"chat_id": "a b"}), "chat_id"),
        (json!({"chat_id": "x".repeat(201)}), "chat_id"),
        (json!({"chat_id": ["c"]}), "chat_id"),
        (json!({"chat_id": 1.5}), "chat_id"),
        (json!({"visitor_id": "<script>"}), "visitor_id"),
        (json!({"message": null}), "message"),
        (json!({"message": " \u{0}\n "}), "message"),
        (json!({"message": {"text": "hi"}}), "message"),
        (json!({"message_id": "a/b"}), "message_id"),
        (json!({"sequence": 0}), "sequence"),
        (json!({"sequence": -1}), "sequence"),
        (json!({"sequence": 4_294_967_296_u64}), "sequence"),
        (json!({"sequence": "first"}), "sequence"),
        (json!({"sent_at": "yesterday"}), "sent_at"),
        (json!({"event": "deleted"}), "event"),
        (json!({"event": 1}), "event"),
    ];
    for (change, name) in cases {
        let refusal = refused(&with(&flat(), &change));
        assert_eq!(
            (refusal.status(), refusal.code()),
            (422, "invalid_field"),
            "{change}"
        );
        assert!(refusal.to_string().starts_with(name), "{refusal}");
    }
}

#[test]
fn what_is_wrong_about_a_visitor_is_left_out() {
    let delivery = read(&with(
        &flat(),
        &json!({
            "visitor_email": "not an address", "visitor_email_verified": true,
            "visitor_name": " \u{7} ", "visitor_phone": "5".repeat(51), "language": "<b>",
        }),
    ));
    let visitor = delivery.visitor;
    assert_eq!(
        (visitor.email, visitor.name, visitor.phone, visitor.language),
        (None, None, None, None)
    );
    assert!(!visitor.email_verified, "of which address?");
    for claim in [json!("true"), json!(1), json!(false), json!(null)] {
        let body = with(&flat(), &json!({"visitor_email_verified": claim}));
        assert!(!read(&body).visitor.email_verified, "{claim}");
    }
}

#[test]
fn messages_have_a_limit_in_characters_and_no_control_characters() {
    let longest = "ü".repeat(4_000);
    for body in [
        with(&flat(), &json!({"message": longest})),
        with(&zobot("message"), &json!({"message": {"text": longest}})),
        event(
            "conversation.visitor.replied",
            &json!({"message": {"text": longest}}),
        ),
    ] {
        assert_eq!(read(&body).kind, Kind::Message(text(&longest)));
    }
    let longer = "ü".repeat(4_001);
    for body in [
        with(&flat(), &json!({"message": longer})),
        with(&zobot("message"), &json!({"message": {"text": longer}})),
        with(
            &zobot("context"),
            &json!({"answers": {"a": {"text": longer}}}),
        ),
        event(
            "conversation.visitor.replied",
            &json!({"message": {"text": longer}}),
        ),
        event("conversation.created", &json!({"question": longer})),
    ] {
        let refusal = refused(&body);
        assert_eq!(refusal, Refusal::MessageTooLong { limit: 4_000 });
        assert_eq!(refusal.status(), 422);
    }
    let body = with(&flat(), &json!({"message": "a\u{0}b\r\nc\u{9b}"}));
    assert_eq!(read(&body).kind, Kind::Message(text("ab\nc")));
}

#[test]
fn a_zobot_call_is_read() {
    let delivery = read(&with(
        &zobot("message"),
        &json!({"message": {"text": "hi"}}),
    ));
    assert_eq!(delivery.format, Format::Zobot);
    assert_eq!(delivery.chat_id.as_str(), "c1");
    assert_eq!(delivery.delivery_id.as_deref(), Some("r1"));
    assert_eq!(delivery.kind, Kind::Message(text("hi")));
    assert_eq!(delivery.visitor.language.as_deref(), Some("en"));
    assert_eq!(delivery.visitor.email.unwrap().as_str(), "ann@x.test");
}

#[test]
fn each_zobot_handler_has_its_meaning() {
    let asked =
        json!({"visitor": {"id": "v1", "active_conversation_id": "c1", "question": "slow"}});
    let mut file = asked.clone();
    file["message"] = json!({"attachment": {"name": "x.png"}});
    let answers = json!({"context_id": "f", "answers": {"b": "95", "a": {"text": "Ann"}, "c": []}});
    let context = Kind::Context {
        context_id: Some("f".into()),
        answers: vec![
            Answer {
                name: "a".into(),
                value: text("Ann"),
            },
            Answer {
                name: "b".into(),
                value: text("95"),
            },
        ],
    };
    let cases = [
        ("trigger", json!({}), Kind::Opened),
        ("trigger", asked.clone(), Kind::Message(text("slow"))),
        ("message", asked, Kind::Message(text("slow"))),
        ("message", file, Kind::Message(text(""))),
        (
            "message",
            json!({"message": "plain"}),
            Kind::Message(text("plain")),
        ),
        (
            "message",
            json!({"message": {"attachment": {}}}),
            Kind::Message(text("")),
        ),
        ("context", answers, context),
        (
            "failure",
            json!({"failed_response": {"action": "forward"}}),
            Kind::ForwardFailed,
        ),
        ("failure", json!({}), Kind::ForwardFailed),
        (
            "failure",
            json!({"failed_response": {"action": "reply"}}),
            Kind::Other("failure".into()),
        ),
        (
            "later_handler",
            json!({}),
            Kind::Other("later_handler".into()),
        ),
    ];
    for (handler, change, kind) in cases {
        let delivery = read(&with(&zobot(handler), &change));
        assert_eq!(delivery.kind, kind, "{handler} {change}");
        let failed = handler == "failure";
        assert_eq!(delivery.format == Format::ZobotFailure, failed, "{handler}");
    }
}

#[test]
fn a_zobot_chat_is_named_by_conversation_or_else_by_visitor() {
    let cases = [
        (
            json!({"id": "v1", "active_conversation_id": "c1"}),
            json!({}),
            "c1",
        ),
        (
            json!({"id": "v1", "active_conversation_id": 77}),
            json!({}),
            "77",
        ),
        (json!({"id": "v1"}), json!({"conversation_id": "c2"}), "c2"),
        (
            json!({"id": "v1", "active_conversation_id": ""}),
            json!({"conversation_id": "c2"}),
            "c2",
        ),
        (
            json!({"id": "v1", "active_conversation_id": null}),
            json!({}),
            "visitor:v1",
        ),
    ];
    for (visitor, request, chat) in cases {
        let change = json!({"visitor": visitor, "request": request});
        let delivery = read(&with(&zobot("trigger"), &change));
        assert_eq!(delivery.chat_id.as_str(), chat, "{change}");
    }
    let nobody = with(&zobot("trigger"), &json!({"visitor": {}, "request": {}}));
    assert!(
        refused(&nobody)
            .to_string()
            .contains("active_conversation_id")
    );
    let odd = json!({"visitor": {"active_conversation_id": "a b", "id": "v1"}});
    assert_eq!(refused(&with(&zobot("trigger"), &odd)).status(), 422);
}

#[test]
fn an_event_is_read() {
    let delivery = read(&event(
        "conversation.visitor.replied",
        &json!({"message": {"id": "m1", "text": "hi", "time": 1_764_175_800_123_u64}}),
    ));
    assert_eq!(delivery.format, Format::Event);
    assert_eq!(delivery.chat_id.as_str(), "c1");
    assert_eq!(delivery.kind, Kind::Message(text("hi")));
    assert_eq!(
        delivery.delivery_id.as_deref(),
        Some("c1:conversation.visitor.replied:m1")
    );
    assert_eq!(
        delivery.sent_at.unwrap().to_string(),
        "2025-11-26T16:50:00.123Z"
    );
    assert_eq!(delivery.visitor.email.unwrap().as_str(), "ann@x.test");
}

#[test]
fn each_event_has_its_meaning() {
    let rated = |stars, comment: Option<&str>| Kind::Rated {
        stars,
        comment: comment.map(text),
    };
    let other = |name: &str| Kind::Other(name.to_owned());
    let cases = [
        ("conversation.created", json!({}), Kind::Opened),
        (
            "conversation.created",
            json!({"question": "slow"}),
            Kind::Message(text("slow")),
        ),
        ("conversation.completed", json!({}), Kind::Ended),
        ("conversation.missed", json!({}), Kind::Ended),
        ("conversation.rated", json!({"rating": 4}), rated(4, None)),
        (
            "conversation.rated",
            json!({"rating": "5", "feedback": "quick"}),
            rated(5, Some("quick")),
        ),
        (
            "conversation.rated",
            json!({"rating": {"value": 1, "comment": "slow"}}),
            rated(1, Some("slow")),
        ),
        (
            "conversation.rated",
            json!({"rating": 6}),
            other("conversation.rated"),
        ),
        ("conversation.rated", json!({}), other("conversation.rated")),
        (
            "conversation.operator.replied",
            json!({}),
            other("conversation.operator.replied"),
        ),
    ];
    for (name, entity, kind) in cases {
        assert_eq!(read(&event(name, &entity)).kind, kind, "{name} {entity}");
    }
}

#[test]
fn sendings_of_one_event_have_one_id_and_different_events_have_different_ones() {
    let message = |id| json!({"message": {"id": id, "text": "yes"}});
    let first = event("conversation.visitor.replied", &message("m1"));
    let again = with(&first, &json!({"attempt": 2}));
    let next = event("conversation.visitor.replied", &message("m2"));
    let edited = event("conversation.message.edited", &message("m1"));
    let id = |body: &Value| read(body).delivery_id.unwrap();
    assert_eq!(id(&first), id(&again));
    assert_ne!(id(&first), id(&next));
    assert_ne!(id(&first), id(&edited));
    let unmarked = event(
        "conversation.visitor.replied",
        &json!({"message": {"text": "yes"}}),
    );
    assert_eq!(read(&unmarked).delivery_id, None, "two may say the same");
}

#[test]
fn ids_of_other_entities_are_kept_apart_from_chats() {
    let body = json!({
        "entity_type": "visitor", "event": "visitor.updated", "entity_id": "c1", "entity": {},
    });
    let delivery = read(&body);
    assert_eq!(delivery.chat_id.as_str(), "visitor:c1");
    assert_eq!(delivery.kind, Kind::Other("visitor.updated".into()));
}

#[test]
fn what_is_no_call_of_salesiq_is_refused() {
    let deep = format!(
        "{{\"chat_id\":\"c\",\"message\":\"m\",\"x\":{}{}}}",
        "[".repeat(32),
        "]".repeat(32)
    );
    let bomb = "[".repeat(60_000);
    let cases: [(&[u8], u16, &str); 11] = [
        (b"", 400, "not_json"),
        (b"{", 400, "not_json"),
        (b"{\"chat_id\":\"c\"} x", 400, "not_json"),
        (b"\"\xff\"", 400, "not_utf8"),
        (b"\xef\xbb\xbf{}", 400, "not_json"),
        (deep.as_bytes(), 400, "too_deep"),
        (bomb.as_bytes(), 400, "too_deep"),
        (b"[]", 422, "unknown_shape"),
        (b"{}", 422, "unknown_shape"),
        (b"null", 422, "unknown_shape"),
        (br#"{"handler": {"x": 1}}"#, 422, "invalid_field"),
    ];
    for (body, status, code) in cases {
        let refusal = parse(body).unwrap_err();
        assert_eq!((refusal.status(), refusal.code()), (status, code));
    }
    let large = with(&flat(), &json!({"padding": "x".repeat(65 * 1024)}));
    assert_eq!(refused(&large).status(), 413);
}

#[test]
fn a_delivery_shows_nothing_personal() {
    let delivery = read(&with(
        &flat(),
        &json!({
            "visitor_email": "planted@company.com", "visitor_name": "planted",
            "visitor_phone": "planted", "message": "planted",
        }),
    ));
    assert!(delivery.visitor.email.is_some() && delivery.visitor.phone.is_some());
    let shown = format!("{delivery:?}");
    assert!(!shown.contains("planted"), "{shown}");
}
