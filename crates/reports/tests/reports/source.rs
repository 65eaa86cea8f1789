//! Streams, states and facts.

use std::time::Duration;

use engine::{Error, Kind, Mode, Piece, Reader, Reading, Source as _};
use jiff::SignedDuration;
use serde_json::Value;
use serde_json::value::RawValue;
use simulators::zoho::{Change, Entity, Mutation};
use vendor_http::{AccessToken, Deadline};

use crate::portal::Portal;

fn soon() -> Deadline {
    Deadline::after(Duration::from_secs(20))
}

fn reading(portal: &Portal, stream: &str, state: Option<&str>) -> Reading {
    Reading {
        stream: stream.to_owned(),
        mode: state.map_or(Mode::Full, |_| Mode::Incremental),
        state: state.map(|state| RawValue::from_string(state.to_owned()).unwrap()),
        resume: None,
        fields: Vec::new(),
        started_at: portal.now(),
    }
}

/// The rows with their parents' ids, sorted, and the state at the end.
async fn drain(mut reader: Box<dyn Reader>) -> Result<(Vec<String>, Option<String>), Error> {
    let mut rows = Vec::new();
    while let Some(piece) = reader.next().await? {
        match piece {
            Piece::Rows { parent, rows: more } => {
                for row in more {
                    rows.push(match &parent {
                        Some(parent) => parent.put_into(&row).unwrap().into_owned(),
                        None => row.get().to_owned(),
                    });
                }
            }
            Piece::Gap(gap) => panic!("{gap:?}"),
            Piece::Vanished => {}
        }
    }
    assert!(reader.at_end());
    assert!(reader.used().requests > 0);
    rows.sort_unstable();
    let state = reader.state()?;
    Ok((rows, state.map(|state| state.get().to_owned())))
}

fn truth(portal: &Portal, stream: &str) -> Vec<String> {
    let query = match stream {
        "notification-pending-approvals" => "parent=ticket",
        _ => "",
    };
    let rows = portal.zoho.truth(stream, query).unwrap().into_iter();
    let mut rows: Vec<String> = rows
        .map(|truth| match truth.parent {
            Some((key, id)) if !truth.row.contains(&format!("\"{key}\":")) => {
                format!("{{\"{key}\":\"{id}\",{}", &truth.row[1..])
            }
            _ => truth.row,
        })
        .collect();
    rows.sort_unstable();
    rows
}

#[tokio::test]
async fn every_stream_is_read_whole_and_has_its_primary_key() {
    let portal = Portal::with_tickets(300).await;
    let source = portal.source();
    for stream in source.streams(soon()).await.unwrap() {
        let reader = source
            .read(reading(&portal, &stream.name, None))
            .await
            .unwrap();
        let (rows, state) = drain(reader).await.unwrap();
        assert_eq!(state.is_some(), stream.cursor.is_some(), "{}", stream.name);
        for row in &rows {
            let row: Value = serde_json::from_str(row).unwrap();
            for field in &stream.primary_key {
                assert!(row.get(field).is_some(), "{}: {field}", stream.name);
            }
        }
        let truth = truth(&portal, &stream.name);
        assert!(!truth.is_empty(), "{}", stream.name);
        if stream.name == "notification-pending-approvals" {
            // Those of tickets that are closed wait for nobody.
            assert!(rows.iter().all(|row| truth.contains(row)));
        } else {
            assert!(rows == truth, "{}", stream.name);
        }
    }
}

#[tokio::test]
async fn what_changed_is_read_from_the_state_on() {
    let portal = Portal::with_tickets(150).await;
    let source = portal.source();
    for (stream, least) in [("tickets", 7), ("threads", 7)] {
        let first = source.read(reading(&portal, stream, None)).await.unwrap();
        let (_, state) = drain(first).await.unwrap();
        portal.pass(SignedDuration::from_hours(1));
        let touched = portal
            .zoho
            .mutate(&Mutation::of(Entity::Tickets, Change::Modify, 7));
        portal.pass(SignedDuration::from_hours(1));
        let next = reading(&portal, stream, state.as_deref());
        let (rows, _) = drain(source.read(next).await.unwrap()).await.unwrap();
        assert!(rows.len() >= least, "{stream}: {}", rows.len());
        for row in &rows {
            assert!(touched.iter().any(|id| row.contains(id)), "{stream}");
        }
    }
}

#[tokio::test]
async fn a_department_narrows_the_streams_that_know_departments() {
    let portal = Portal::with_tickets(80).await;
    let departments = truth(&portal, "departments");
    let department: Value = serde_json::from_str(&departments[0]).unwrap();
    let id = department["id"].as_str().unwrap();
    let source = portal.source().in_department(Some(id.parse().unwrap()));
    let reader = source
        .read(reading(&portal, "tickets", None))
        .await
        .unwrap();
    let (rows, _) = drain(reader).await.unwrap();
    assert!(!rows.is_empty() && rows.len() < 80);
    let field = format!("\"departmentId\":\"{id}\"");
    assert!(rows.iter().all(|row| row.contains(&field)));
}

#[tokio::test]
async fn a_check_tells_the_account_and_whether_it_is_the_right_one() {
    let portal = Portal::with_tickets(1).await;
    let checked = portal.source().check(soon()).await.unwrap();
    assert_eq!(checked.message, "Connection successful");
    let facts = [
        ("account", "Simulated Support Ltd".to_owned()),
        ("edition", "ENTERPRISE".to_owned()),
    ];
    assert_eq!(checked.facts, facts);
    assert_eq!(portal.zoho.stats().desk_requests(), 1);

    let wrong = AccessToken::new("1000.wrong");
    let wrong = portal.source_with(wrong);
    let error = wrong.check(soon()).await.unwrap_err();
    assert_eq!(error.kind(), Kind::AuthRequired);
}

#[tokio::test]
async fn what_cannot_be_read_is_refused_before_a_call() {
    let portal = Portal::with_tickets(1).await;
    let source = portal.source();
    let mut elsewhere = reading(&portal, "tickets", None);
    elsewhere.resume = Some(RawValue::from_string("{\"page\":2}".to_owned()).unwrap());
    for (reading, kind) in [
        (reading(&portal, "invoices", None), Kind::SchemaChanged),
        (reading(&portal, "desk-route", None), Kind::SchemaChanged),
        (reading(&portal, "tickets", Some("{}")), Kind::Internal),
        (elsewhere.clone(), Kind::Internal),
    ] {
        let error = source.read(reading).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
    }
    let error = source.read(elsewhere).await.unwrap_err();
    assert!(error.is_position_unknown());
    assert_eq!(portal.zoho.stats().desk_requests(), 0);
}
