use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use jiff::SignedDuration;
use serde_json::{Value, json};
use simulators::zoho::{Change, Entity, Fault, FaultRule, Mutation};

use crate::portal::{Portal, field, read};

#[tokio::test]
async fn changes_show_at_once_and_only_where_they_belong() {
    let portal = Portal::with_tickets(50).await;
    let before = portal.truth("tickets", "");
    let change = |change| {
        portal
            .simulator
            .mutate(&Mutation::of(Entity::Tickets, change, 1))
    };
    portal.clock.advance(SignedDuration::from_mins(1));
    let modified = change(Change::Modify);
    let created = change(Change::Create);
    let last = portal
        .walk("tickets/search?sortBy=-modifiedTime", 100)
        .await;
    let newest: BTreeSet<String> = last[..2].iter().map(|row| field(row, "id")).collect();
    assert_eq!(
        newest,
        BTreeSet::from([modified[0].clone(), created[0].clone()])
    );
    let now = field(&last[0], "modifiedTime");
    assert_eq!(now, "2026-02-01T10:31:00.000Z");

    let unchanged = before.iter().filter(|row| last.contains(row)).count();
    assert_eq!((last.len(), unchanged), (51, 49));

    let deleted = change(Change::Delete);
    assert_eq!(
        portal.get(&format!("tickets/{}", deleted[0])).await.status,
        404
    );
    assert_eq!(portal.truth("tickets", "").len(), 50);
}

#[tokio::test]
async fn faults_strike_as_often_as_told() {
    let portal = Portal::with_tickets(40).await;
    let answers: [(Fault, u16, &str); 6] = [
        (Fault::TooManyRequests, 429, "TOO_MANY_REQUESTS"),
        (
            Fault::ThresholdExceeded { retry_after_s: 9 },
            429,
            "THRESHOLD_EXCEEDED",
        ),
        (Fault::ServerError, 500, "INTERNAL_SERVER_ERROR"),
        (Fault::InvalidOauth, 401, "INVALID_OAUTH"),
        (Fault::ErrorBody, 200, "INTERNAL_SERVER_ERROR"),
        (Fault::DeepNesting { depth: 100 }, 200, ""),
    ];
    for (fault, status, code) in answers {
        portal
            .simulator
            .add_fault(FaultRule::next(1, fault.clone()));
        let answer = portal.get("tickets").await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (status, code),
            "{fault:?}"
        );
        assert_eq!(
            portal.get("tickets").await.rows().len(),
            25,
            "{fault:?} is over"
        );
    }
    for fault in [Fault::ConnectionReset, Fault::TruncatedBody] {
        portal
            .simulator
            .add_fault(FaultRule::always(fault.clone()).on("tickets"));
        assert!(portal.try_get("tickets").await.is_err(), "{fault:?}");
        assert_eq!(
            portal.get("agents").await.status,
            200,
            "{fault:?} is elsewhere"
        );
        portal.simulator.clear_faults();
    }
    for status in [200, 404, 502] {
        portal
            .simulator
            .add_fault(FaultRule::next(1, Fault::Html { status }));
        let answer = portal.get("tickets").await;
        assert_eq!(answer.status, status);
        assert!(answer.body.contains("<html>"));
    }
    portal
        .simulator
        .add_fault(FaultRule::next(1, Fault::MalformedJson));
    let answer = portal.get("tickets").await;
    assert!(answer.status == 200 && serde_json::from_str::<Value>(&answer.body).is_err());

    portal
        .simulator
        .add_fault(FaultRule::next(1, Fault::OversizedBody { bytes: 300_000 }));
    assert_eq!(portal.get("tickets").await.body.len(), 300_000);

    portal
        .simulator
        .add_fault(FaultRule::next(1, Fault::Stall { seconds: 0.2 }).after(1));
    assert_eq!(portal.get("tickets").await.status, 200);
    let start = Instant::now();
    assert_eq!(portal.get("tickets").await.status, 200);
    assert!(start.elapsed() >= Duration::from_millis(200));
}

#[tokio::test]
async fn paging_can_go_wrong() {
    let portal = Portal::with_tickets(40).await;
    let page = async |from: u32| {
        portal
            .get(&format!("tickets?limit=20&from={from}"))
            .await
            .ids()
    };
    let first = page(0).await;

    portal
        .simulator
        .add_fault(FaultRule::next(1, Fault::RepeatPage));
    assert_eq!(page(20).await, first);

    portal
        .simulator
        .add_fault(FaultRule::next(2, Fault::EndlessPages));
    assert_eq!(page(40).await, first);
    assert_eq!(page(4_990).await.len(), 20);

    let mutation = Mutation::of(Entity::Tickets, Change::Create, 1);
    let every = 2;
    portal
        .simulator
        .add_fault(FaultRule::always(Fault::ChangeData { every, mutation }));
    assert_eq!(page(0).await, first);
    assert_eq!(
        page(0).await,
        first,
        "the change comes behind the second answer"
    );
    assert_eq!(
        page(1).await[..19],
        first[..19],
        "everything moved on by one"
    );
}

#[tokio::test]
async fn the_token_endpoint_goes_wrong_on_its_own() {
    let portal = Portal::with_tickets(10).await;
    let token = portal.simulator.issue_refresh_token();
    let rules = [
        FaultRule::next(1, Fault::MintThrottle),
        FaultRule::next(
            1,
            Fault::MintAnswer {
                status: 200,
                body: r#"{"error":"general_error"}"#.to_owned(),
            },
        ),
    ];
    for rule in rules {
        portal.simulator.add_fault(rule);
    }
    assert_eq!(portal.get("tickets").await.status, 200);
    assert_eq!(portal.refresh(&token).await["error"], "Access Denied");
    assert_eq!(portal.refresh(&token).await["error"], "general_error");
    assert!(portal.refresh(&token).await["access_token"].is_string());
}

#[tokio::test]
async fn everything_can_be_switched_over_http() {
    let portal = Portal::with_tickets(40).await;
    let sim = format!("{}/_sim", portal.simulator.origin());
    let post = async |page: &str, body: Value| {
        let request = portal
            .http
            .post(format!("{sim}/{page}"))
            .body(body.to_string());
        read(request.send().await.unwrap()).await.unwrap()
    };
    let get = async |page: &str| {
        let request = portal.http.get(format!("{sim}/{page}"));
        read(request.send().await.unwrap()).await.unwrap()
    };

    let rules = json!([
        {"kind": "server_error", "count": 1, "routes": ["agents"]},
        {"kind": "change_data", "every": 1, "routes": ["departments"],
         "mutation": {"entity": "tickets", "change": "delete"}},
    ]);
    assert_eq!(post("faults", rules).await.status, 200);
    assert_eq!(
        post("faults", json!({"kind": "nonsense"})).await.status,
        400
    );
    assert_eq!(portal.get("agents").await.status, 500);
    assert_eq!(portal.get("departments").await.status, 200);
    let cleared = portal.http.delete(format!("{sim}/faults")).send().await;
    assert_eq!(cleared.unwrap().status(), 200);
    assert_eq!(
        get("ids/tickets?n=100")
            .await
            .json()
            .as_array()
            .unwrap()
            .len(),
        39
    );

    let created = post(
        "mutate",
        json!({"entity": "contacts", "change": "create", "count": 2}),
    )
    .await;
    assert_eq!(created.json()["ids"].as_array().unwrap().len(), 2);
    let code = post("code", json!({})).await.json()["code"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(portal.exchange(&code).await["access_token"].is_string());

    let stats = get("stats").await.json();
    assert_eq!(stats["requests"]["agents"], 1);
    assert_eq!(stats["refusals"]["INTERNAL_SERVER_ERROR"], 1);
    assert_eq!(
        (&stats["exchanges"], &stats["mints"]),
        (&json!(1), &json!(1))
    );
    post("reset-stats", json!({})).await;
    assert_eq!(get("stats").await.json()["requests"], json!({}));

    assert_eq!(
        post("faults", json!({"kind": "expire_access_tokens"}))
            .await
            .status,
        200
    );
    assert_eq!(portal.get("tickets").await.code(), "INVALID_OAUTH");
}
