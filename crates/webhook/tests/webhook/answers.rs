use insta::assert_json_snapshot;
use serde_json::json;
use webhook::salesiq::{Format, Reply, TicketReference, answer};

fn reply() -> Reply {
    Reply {
        text: vec!["Thank you.".into(), "What's your username or email?".into()],
        suggestions: vec!["Cancel".into()],
        ..Reply::at("2025-11-26T16:50:00.987Z".parse().unwrap())
    }
}

fn logged() -> Reply {
    Reply {
        suggestions: Vec::new(),
        ticket_created: true,
        ticket: Some(TicketReference {
            id: "890000000012345678".into(),
            number: "1042".into(),
        }),
        ..reply()
    }
}

#[test]
fn the_flat_answer_is_the_requirements_with_additions() {
    assert_json_snapshot!("flat_question", answer(Format::Flat, &reply()));
    assert_json_snapshot!("flat_ticket", answer(Format::Flat, &logged()));
    let slow = Reply {
        pending: true,
        escalate: true,
        ..reply()
    };
    assert_json_snapshot!("flat_pending_escalated", answer(Format::Flat, &slow));
}

#[test]
fn the_zobot_answer_has_one_action() {
    let reply = reply();
    let escalated = Reply {
        escalate: true,
        ..reply.clone()
    };
    let ended = Reply {
        ended: true,
        ..reply.clone()
    };
    let silent = Reply {
        text: Vec::new(),
        suggestions: Vec::new(),
        ..reply.clone()
    };
    assert_json_snapshot!("zobot_reply", answer(Format::Zobot, &reply));
    assert_json_snapshot!("zobot_forward", answer(Format::Zobot, &escalated));
    assert_json_snapshot!("zobot_end", answer(Format::Zobot, &ended));
    assert_json_snapshot!("zobot_pending", answer(Format::Zobot, &silent));
}

#[test]
fn a_failed_forward_is_never_answered_with_a_forward() {
    for escalate in [false, true] {
        for ended in [false, true] {
            for text in [vec![], vec!["Nobody is free.".to_owned()]] {
                let reply = Reply {
                    text,
                    escalate,
                    ended,
                    ..reply()
                };
                let answer = answer(Format::ZobotFailure, &reply);
                assert_ne!(answer["action"], "forward", "{reply:?}");
            }
        }
    }
}

#[test]
fn an_event_is_acknowledged_and_no_more() {
    let expected = json!({"status": "success"});
    assert_eq!(answer(Format::Event, &reply()), expected);
}

#[test]
fn a_reply_can_be_kept_to_answer_the_same_again() {
    let kept = serde_json::to_string(&logged()).unwrap();
    let again: Reply = serde_json::from_str(&kept).unwrap();
    assert_eq!(again, logged());
    assert!(!format!("{:?}", reply()).contains("username"));
}
