use std::fmt::Write as _;

use chat::{Catalogue, Conversation, Input, Outcome, Visitor};
use proptest::prelude::*;

/// Bytes of a stored conversation: well below the 400 KB of a DynamoDB item.
const LARGEST: usize = 64 * 1024;

#[derive(Debug, Clone)]
enum Said {
    Opened,
    Text(String),
    Failed,
    Consent(bool),
}

fn said() -> impl Strategy<Value = Said> {
    let useful = prop::sample::select(vec![
        "I forgot my password",
        "my disk is 95% full",
        "server is slow",
        "something else",
        "john.doe@company.com",
        "1234",
        "100GB",
        "CPU 95 RAM 80 disk 60",
        "agent please",
        "cancel",
        "back",
        "skip",
        "change username",
        "change username to bob",
        "no wait",
        "no wait, it is bob",
        "yes",
        "no",
        "thanks",
        "bye",
        "help",
        "hello",
        "are you a bot?",
        "",
        "🙂",
        "{name} {email}",
    ]);
    prop_oneof![
        6 => useful.prop_map(|text| Said::Text(text.to_owned())),
        2 => any::<String>().prop_map(Said::Text),
        1 => "\\PC{0,3000}".prop_map(Said::Text),
        1 => "[0-9 .,%a-z@\"\\\\-]{0,40}".prop_map(Said::Text),
        1 => Just(Said::Opened),
        1 => Just(Said::Failed),
        1 => any::<bool>().prop_map(Said::Consent),
    ]
}

fn catalogues() -> Vec<Catalogue> {
    let own = include_str!("../catalogues/laptop.toml");
    let consent = include_str!("../catalogues/consent.toml");
    vec![
        Catalogue::built_in(),
        Catalogue::parse(own).unwrap(),
        Catalogue::parse(consent).unwrap(),
        Catalogue::default(),
    ]
}

fn visitor() -> impl Strategy<Value = Visitor> {
    let name = prop::option::of(any::<String>());
    let email = prop::option::of(prop_oneof![
        Just("john@company.com".to_owned()),
        any::<String>()
    ]);
    (name, email, any::<bool>()).prop_map(|(name, email, email_verified)| Visitor {
        name,
        email,
        email_verified,
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_chat_is_answered_and_stays_small(
        inputs in prop::collection::vec(said(), 1..25),
        visitor in visitor(),
        language in prop::option::of("[a-z]{0,3}"),
    ) {
        for catalogue in catalogues() {
            let mut conversation = Conversation::new(language.as_deref());
            let mut failed = false;
            for input in &inputs {
                let input = match input {
                    Said::Opened => Input::Opened,
                    Said::Text(text) => Input::Text(text),
                    Said::Failed => Input::Failed,
                    Said::Consent(agreed) => Input::Consent(*agreed),
                };
                failed |= input == Input::Failed;
                let turn = catalogue.step(&conversation, input, &visitor);
                prop_assert!(!turn.replies.is_empty());
                prop_assert!(turn.replies.iter().all(|reply| !reply.is_empty()));
                if let Some(Outcome::HandOver(_)) = turn.outcome {
                    prop_assert!(!failed, "passed on again although nobody took the chat");
                }
                if let Some(Outcome::TicketDue(draft) | Outcome::HandOver(Some(draft))) = &turn.outcome {
                    prop_assert!(draft.email.address.contains('@'));
                    prop_assert!((1..=255).contains(&draft.subject.chars().count()));
                    prop_assert!(!draft.subject.contains(char::is_control));
                }
                let stored = serde_json::to_string(&turn.conversation).unwrap();
                prop_assert!(stored.len() < LARGEST, "{} bytes", stored.len());
                let read: Conversation = serde_json::from_str(&stored).unwrap();
                prop_assert_eq!(&read, &turn.conversation);
                let again = catalogue.step(&conversation, input, &visitor);
                prop_assert_eq!(&again.replies, &turn.replies);
                prop_assert_eq!(&again.outcome, &turn.outcome);
                conversation = read;
            }
        }
    }

    #[test]
    fn any_stored_text_reads_as_a_conversation(stored in any::<String>(), number in any::<i64>()) {
        let json = serde_json::json!({"v": number, "phase": {"asking": stored}, "run": [stored]});
        let read: Conversation = serde_json::from_value(json).unwrap();
        let turn = Catalogue::built_in().step(&read, Input::Text(&stored), &Visitor::default());
        prop_assert!(!turn.replies.is_empty());
    }

    #[test]
    fn any_file_is_a_catalogue_or_an_error(text in "\\PC{0,200}", key in "[a-z_]{1,12}", value in "[a-z0-9\"\\[\\]{}=, ]{0,20}") {
        let _ = Catalogue::parse(&text);
        for place in ["settings", "[workflow]", "hand_over", "text.en", "words.en", "[answer]"] {
            let _ = Catalogue::parse(&format!("[{place}]\n{key} = {value}\n"));
        }
    }
}

#[test]
fn debug_output_holds_nothing_that_was_said() {
    let catalogue = Catalogue::built_in();
    let visitor = Visitor {
        name: Some("Planted Name".into()),
        email: Some("planted@company.com".into()),
        email_verified: true,
    };
    let mut conversation = Conversation::new(None);
    let mut shown = format!("{visitor:?}");
    for text in ["I forgot my password", "planted_login", "4711"] {
        let input = Input::Text(text);
        let turn = catalogue.step(&conversation, input, &visitor);
        let _ = write!(shown, "{input:?} {turn:?} {:?}", turn.conversation);
        conversation = turn.conversation;
        if let Some(Outcome::TicketDue(draft)) = turn.outcome {
            let _ = write!(shown, "{draft:?} {:?}", draft.answers);
        }
    }
    assert!(shown.contains("phone_last4"), "the ticket was shown");
    for planted in ["Planted", "planted", "4711", "forgot"] {
        assert!(!shown.contains(planted), "{planted} in {shown}");
    }
}
