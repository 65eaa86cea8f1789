//! Tickets, contacts and comments: made, found, changed, and made once.

use std::time::Duration;

use clock::{Clock as _, SystemClock};
use jiff::{SignedDuration, Timestamp};
use simulators::zoho::{Fault, FaultRule, Options};
use vendor_http::Settings;
use zoho_desk::{
    CommentText, ContactRef, Description, Desk, EntityId, Error, NewComment, NewContact, NewTicket,
    StatusType, Subject, TicketChange, TicketQuery,
};

use crate::zoho::Zoho;

const LIFE: Duration = Duration::from_secs(30);
const CHAT: &str = "cf_salesiq_chat_id";

async fn portal() -> Zoho {
    let settings = Settings {
        attempt_timeout: Duration::from_millis(1_500),
        attempts: 3,
        backoff_base: Duration::from_millis(4),
        backoff_cap: Duration::from_millis(40),
        ..Settings::default()
    };
    Zoho::of(Options::with_tickets(40), settings).await
}

fn department(zoho: &Zoho) -> EntityId {
    zoho.simulator.ids("departments", 1)[0].parse().unwrap()
}

fn from_ann(zoho: &Zoho, chat: &str) -> NewTicket {
    let ann = NewContact::named(Some("Ann Lee"), Some("ann@x.test"));
    let mut ticket = NewTicket::new(
        department(zoho),
        ContactRef::New(ann),
        Subject::cut("Password Reset - Ann Lee"),
    );
    ticket.cf.insert(CHAT.to_owned(), chat.to_owned());
    ticket
}

fn a_minute_ago() -> Timestamp {
    SystemClock.now() - SignedDuration::from_secs(60)
}

fn fields(error: Error) -> Vec<(String, String)> {
    let Error::Invalid { fields, .. } = error else {
        panic!("{error:?}");
    };
    let fields = fields.into_iter();
    fields.map(|field| (field.name, field.problem)).collect()
}

#[tokio::test]
async fn a_ticket_is_made_with_all_its_fields_and_found_by_each_way() {
    let zoho = portal().await;
    let desk = zoho.desk(LIFE);
    let agent: EntityId = zoho.simulator.ids("agents", 1)[0].parse().unwrap();
    let ticket = NewTicket {
        description: Some(Description::of_text("<b>1 & 2</b>\nthree")),
        priority: Some("High".to_owned()),
        channel: Some("Chat".to_owned()),
        category: Some("Account Management".to_owned()),
        classification: Some("Request".to_owned()),
        phone: Some("555-1234".to_owned()),
        assignee_id: Some(agent.clone()),
        ..from_ann(&zoho, "chat-1")
    };
    let made = desk.create_ticket(&ticket).await.unwrap();
    assert_eq!(made.subject.as_deref(), Some("Password Reset - Ann Lee"));
    assert_eq!(made.status_type, Some(StatusType::Open));
    assert_eq!(made.priority.as_deref(), Some("High"));
    assert_eq!(made.email.as_deref(), Some("ann@x.test"));
    assert_eq!(made.department_id, Some(department(&zoho)));
    assert_eq!(made.assignee_id, Some(agent));
    assert_eq!(made.cf[CHAT], "chat-1");
    assert!(made.closed_time.is_none() && !made.is_trashed);
    assert!(made.ticket_number.parse::<u32>().is_ok());
    assert!(made.web_url.as_deref().unwrap().contains(made.id.as_str()));

    assert_eq!(desk.ticket(&made.id).await.unwrap(), made);
    let contact = desk.contact_by_email("ANN@x.test").await.unwrap().unwrap();
    assert_eq!(made.contact_id, Some(contact.id.clone()));
    let of_contact = desk.contact_tickets(&contact.id, a_minute_ago()).await;
    assert_eq!(of_contact.unwrap(), std::slice::from_ref(&made));
    let found = desk.search_tickets(&of_chat("chat-1")).await.unwrap();
    assert_eq!(found.count, Some(1));
    assert_eq!(found.tickets[0].id, made.id);

    let written = zoho.simulator.written_tickets();
    assert_eq!(
        written[0]["description"],
        "&lt;b&gt;1 &amp; 2&lt;/b&gt;<br>three"
    );
    assert_eq!(written[0]["channel"], "Chat");
    assert_eq!(written[0]["classification"], "Request");
    assert_eq!(zoho.simulator.written_contacts()[0]["lastName"], "Lee");
}

fn of_chat(chat: &str) -> TicketQuery {
    TicketQuery {
        custom_fields: vec![(CHAT.to_owned(), chat.to_owned())],
        limit: 10,
        ..TicketQuery::default()
    }
}

#[tokio::test]
async fn the_contact_of_an_address_is_used_again_and_alike_addresses_are_not_mixed_up() {
    let zoho = portal().await;
    let desk = zoho.desk(LIFE);
    for alike in ["joann@x.test", "ann@x.test.example", "Ann@x.test"] {
        let contact = NewContact::named(Some("Somebody"), Some(alike));
        desk.create_contact(&contact).await.unwrap();
    }
    let ann = desk.contact_by_email("ann@x.test").await.unwrap().unwrap();
    assert_eq!(ann.email.as_deref(), Some("Ann@x.test"));
    let made = desk.create_ticket(&from_ann(&zoho, "c")).await.unwrap();
    assert_eq!(made.contact_id, Some(ann.id));

    let requests = zoho.simulator.stats().desk_requests();
    for pattern in [
        "*@x.test",
        "ann@x.*",
        "${notempty}@x",
        "a@x.test,ann@x.test",
    ] {
        assert_eq!(
            desk.contact_by_email(pattern).await.unwrap(),
            None,
            "{pattern}"
        );
    }
    assert_eq!(zoho.simulator.stats().desk_requests(), requests);
    assert_eq!(desk.contact_by_email("nn@x.test").await.unwrap(), None);

    let twin = NewContact::named(Some("Twin"), Some("ANN@x.test"));
    let refused = desk.create_contact(&twin).await.unwrap_err();
    assert!(!refused.may_have_happened());
    let duplicate = ("/email".to_owned(), "duplicate".to_owned());
    assert_eq!(fields(refused), [duplicate]);
}

#[tokio::test]
async fn what_the_vendor_refuses_names_its_fields_and_did_not_happen() {
    let zoho = portal().await;
    let desk = zoho.desk(LIFE);
    let good = from_ann(&zoho, "c");
    let mut unknown_field = good.clone();
    unknown_field
        .cf
        .insert("cf_unknown".to_owned(), "x".to_owned());
    let bad_address = NewContact::named(Some("Ann"), Some("ann@nowhere"));
    for (ticket, field) in [
        (
            NewTicket {
                department_id: "12".parse().unwrap(),
                ..good.clone()
            },
            "/departmentId",
        ),
        (
            NewTicket {
                contact: ContactRef::Id("12".parse().unwrap()),
                ..good.clone()
            },
            "/contactId",
        ),
        (
            NewTicket {
                contact: ContactRef::New(bad_address),
                ..good.clone()
            },
            "/contact/email",
        ),
        (
            NewTicket {
                priority: Some("Frightful".to_owned()),
                ..good.clone()
            },
            "/priority",
        ),
        (
            NewTicket {
                status: Some("Lost".to_owned()),
                ..good.clone()
            },
            "/status",
        ),
        (unknown_field, "/cf/cf_unknown"),
    ] {
        let error = desk.create_ticket(&ticket).await.unwrap_err();
        assert!(
            !error.may_have_happened() && !error.is_transient(),
            "{error}"
        );
        assert!(error.to_string().contains(field), "{error}");
        assert_eq!(fields(error)[0].0, field);
    }
    assert!(zoho.simulator.written_tickets().is_empty());
    assert!(zoho.simulator.written_contacts().is_empty());

    zoho.simulator.drop_scope("Desk.tickets.CREATE");
    let error = desk.create_ticket(&good).await.unwrap_err();
    assert!(
        matches!(&error, Error::ScopeMissing { scopes, .. } if scopes == "Desk.tickets.CREATE"),
        "{error}"
    );
}

#[tokio::test]
async fn a_lost_answer_may_have_happened_and_the_ticket_is_there_once() {
    let lost = [
        Fault::LoseAnswer { status: None },
        Fault::LoseAnswer { status: Some(504) },
        Fault::AnswerLate { seconds: 3.0 },
        Fault::TruncatedBody,
        Fault::MalformedJson,
    ];
    for fault in lost {
        let zoho = portal().await;
        let desk = zoho.desk(LIFE);
        let rule = FaultRule::next(1, fault.clone()).on("POST tickets");
        zoho.simulator.add_fault(rule);
        let error = desk
            .create_ticket(&from_ann(&zoho, "chat-9"))
            .await
            .unwrap_err();
        assert!(error.may_have_happened(), "{fault:?}: {error}");
        assert_eq!(
            zoho.simulator.stats().requests["POST tickets"],
            1,
            "{fault:?}"
        );

        let contact = desk.contact_by_email("ann@x.test").await.unwrap().unwrap();
        let made = desk
            .contact_tickets(&contact.id, a_minute_ago())
            .await
            .unwrap();
        assert_eq!(made.len(), 1, "{fault:?}");
        assert_eq!(made[0].cf[CHAT], "chat-9");
    }
}

#[tokio::test]
async fn what_was_not_carried_out_is_sent_again_or_is_known_not_to_have_happened() {
    let zoho = portal().await;
    let desk = zoho.desk(LIFE);
    let refusals = [Fault::TooManyRequests, Fault::InvalidOauth];
    for (nth, fault) in refusals.into_iter().enumerate() {
        zoho.simulator
            .add_fault(FaultRule::next(1, fault).on("POST tickets"));
        desk.create_ticket(&from_ann(&zoho, "c")).await.unwrap();
        assert_eq!(zoho.simulator.written_tickets().len(), nth + 1);
    }
    zoho.simulator.expire_access_tokens();
    desk.create_ticket(&from_ann(&zoho, "c")).await.unwrap();
    assert_eq!(zoho.simulator.written_tickets().len(), 3);

    let spent = Fault::ThresholdExceeded { retry_after_s: 60 };
    zoho.simulator
        .add_fault(FaultRule::next(1, spent).on("POST tickets"));
    let error = desk.create_ticket(&from_ann(&zoho, "c")).await.unwrap_err();
    assert!(
        !error.may_have_happened() && error.is_transient(),
        "{error}"
    );

    let unreachable = unreachable(&zoho).await;
    let error = unreachable
        .create_ticket(&from_ann(&zoho, "c"))
        .await
        .unwrap_err();
    assert!(
        !error.may_have_happened() && error.is_transient(),
        "{error}"
    );
}

/// The same portal at a port where nobody listens.
async fn unreachable(zoho: &Zoho) -> Desk {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    zoho.desk_at(&origin, LIFE)
}

#[tokio::test]
async fn a_change_is_repeated_until_it_is_answered_and_sets_what_it_says() {
    let zoho = portal().await;
    let desk = zoho.desk(LIFE);
    let made = desk.create_ticket(&from_ann(&zoho, "c")).await.unwrap();
    let lost = FaultRule::next(1, Fault::LoseAnswer { status: None });
    zoho.simulator.add_fault(lost.on("PATCH tickets/{id}"));
    let closed = desk
        .update_ticket(&made.id, &TicketChange::status("Closed"))
        .await;
    let closed = closed.unwrap();
    assert_eq!(closed.status_type, Some(StatusType::Closed));
    assert!(closed.closed_time >= made.created_time && closed.modified_time > made.modified_time);
    assert_eq!(closed.cf, made.cf);
    assert_eq!(closed.subject, made.subject);

    let unchanged = desk.update_ticket(&made.id, &TicketChange::default()).await;
    assert_eq!(unchanged.unwrap(), closed);
    let mut cleared = TicketChange::default();
    cleared.cf.insert(CHAT.to_owned(), String::new());
    let cleared = desk.update_ticket(&made.id, &cleared).await.unwrap();
    assert!(cleared.cf.is_empty());
    let error = desk
        .update_ticket(&made.id, &TicketChange::status("Lost"))
        .await;
    assert_eq!(fields(error.unwrap_err())[0].0, "/status");
    let nobody = desk.ticket(&"12".parse().unwrap()).await;
    assert!(matches!(nobody, Err(Error::NotFound { .. })), "{nobody:?}");

    let generated: EntityId = zoho.simulator.ids("tickets", 1)[0].parse().unwrap();
    let before = desk.ticket(&generated).await.unwrap();
    let change = TicketChange {
        priority: Some("Low".to_owned()),
        ..TicketChange::default()
    };
    let after = desk.update_ticket(&generated, &change).await.unwrap();
    assert_eq!(after.priority.as_deref(), Some("Low"));
    assert_eq!(
        (after.status, after.subject),
        (before.status, before.subject)
    );
}

#[tokio::test]
async fn comments_are_read_back_in_order_and_long_ones_come_in_parts() {
    let zoho = portal().await;
    let desk = zoho.desk(LIFE);
    let ticket = desk.create_ticket(&from_ann(&zoho, "c")).await.unwrap().id;
    assert!(desk.comments(&ticket, 0).await.unwrap().is_empty());
    let long = "a line that is said again and again\n".repeat(2_000);
    let parts = CommentText::split(&long);
    assert_eq!(parts.len(), 3);
    for part in parts.clone() {
        desk.add_comment(&ticket, &NewComment::internal(part))
            .await
            .unwrap();
    }
    let public = CommentText::cut("<i>thanks</i>").unwrap();
    let public = desk
        .add_comment(&ticket, &NewComment::public(public))
        .await
        .unwrap();
    assert!(public.is_public);
    let comments = desk.all_comments(&ticket).await.unwrap();
    assert_eq!(comments.len(), 4);
    for (comment, part) in comments.iter().zip(&parts) {
        assert_eq!(
            (comment.content.as_str(), comment.is_public),
            (part.as_str(), false)
        );
    }
    assert_eq!(comments[3], public);
    let written = &zoho.simulator.written_tickets()[0];
    assert_eq!(written["commentCount"], "4");
    assert_eq!(written["comments"][3]["content"], "<i>thanks</i>");
    assert_eq!(written["comments"][3]["contentType"], "plainText");

    let lost = FaultRule::next(1, Fault::LoseAnswer { status: None });
    zoho.simulator
        .add_fault(lost.on("POST tickets/{id}/comments"));
    let text = CommentText::cut("once").unwrap();
    let error = desk
        .add_comment(&ticket, &NewComment::internal(text))
        .await
        .unwrap_err();
    assert!(error.may_have_happened(), "{error}");
    let all = desk.all_comments(&ticket).await.unwrap();
    assert_eq!(
        all.iter()
            .filter(|comment| comment.content == "once")
            .count(),
        1
    );
}

#[tokio::test]
async fn more_comments_than_a_page_holds_are_read_each_once_whatever_from_counts_from() {
    for from_base in [
        simulators::zoho::FromBase::Zero,
        simulators::zoho::FromBase::One,
    ] {
        let options = Options {
            from_base,
            ..Options::with_tickets(5)
        };
        let zoho = Zoho::of(options, Settings::default()).await;
        let desk = zoho.desk(LIFE);
        let ticket = desk.create_ticket(&from_ann(&zoho, "c")).await.unwrap().id;
        for nth in 0..205 {
            let text = CommentText::cut(&nth.to_string()).unwrap();
            desk.add_comment(&ticket, &NewComment::internal(text))
                .await
                .unwrap();
        }
        let comments = desk.all_comments(&ticket).await.unwrap();
        let texts: Vec<String> = comments
            .into_iter()
            .map(|comment| comment.content)
            .collect();
        let expected: Vec<String> = (0..205).map(|nth: u32| nth.to_string()).collect();
        assert_eq!(texts, expected, "{from_base:?}");
    }
}

#[tokio::test]
async fn a_search_does_not_see_what_was_just_made_but_the_contacts_list_does() {
    let zoho = portal().await;
    zoho.simulator.set_search_lag(Duration::from_mins(1));
    let desk = zoho.desk(LIFE);
    let made = desk
        .create_ticket(&from_ann(&zoho, "chat-7"))
        .await
        .unwrap();
    assert!(
        desk.search_tickets(&of_chat("chat-7"))
            .await
            .unwrap()
            .tickets
            .is_empty()
    );
    let contact = made.contact_id.unwrap();
    let tickets = desk
        .contact_tickets(&contact, a_minute_ago())
        .await
        .unwrap();
    assert_eq!(tickets[0].id, made.id);
    zoho.simulator.set_search_lag(Duration::ZERO);
    assert_eq!(
        desk.search_tickets(&of_chat("chat-7")).await.unwrap().count,
        Some(1)
    );
    let later = SystemClock.now() + SignedDuration::from_secs(60);
    assert!(
        desk.contact_tickets(&contact, later)
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn statuses_of_the_account_say_what_they_mean() {
    let zoho = portal().await;
    let statuses = zoho.desk(LIFE).ticket_statuses().await.unwrap();
    let of = |name: &str| {
        let mut statuses = statuses.iter();
        statuses
            .find(|status| status.name == name)
            .unwrap()
            .status_type
    };
    assert_eq!(of("Escalated"), Some(StatusType::Open));
    assert_eq!(of("Waiting parts"), Some(StatusType::OnHold));
    assert_eq!(of("Closed"), Some(StatusType::Closed));
}
