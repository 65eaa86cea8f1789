use serde_json::json;
use simulators::zoho::{FromBase, Options};

use crate::portal::{Portal, read};

#[tokio::test]
async fn unknown_addresses_and_methods_are_told_apart() {
    let portal = Portal::with_tickets(10).await;
    let outside = format!("{}/tickets", portal.simulator.origin());
    let outside = read(portal.http.get(outside).send().await.unwrap())
        .await
        .unwrap();
    assert_eq!(outside.status, 404);
    assert!(outside.body.starts_with("<!DOCTYPE html>"));
    assert_eq!(portal.get("ticketsByStatus").await.code(), "URL_NOT_FOUND");
    assert_eq!(
        portal.get("tickets/123/threads").await.code(),
        "URL_NOT_FOUND"
    );
    let post = format!("{}/api/v1/departments", portal.simulator.origin());
    let post = read(portal.http.post(post).send().await.unwrap())
        .await
        .unwrap();
    assert_eq!(
        (post.status, post.code().as_str()),
        (405, "METHOD_NOT_ALLOWED")
    );
}

#[tokio::test]
async fn the_caps_and_names_of_parameters_are_enforced() {
    let portal = Portal::with_tickets(10).await;
    let extra = "Extra query parameter 'x' is present in the input.";
    let limit = "The value passed for field 'limit' exceeds the range of '1-100'.";
    let from = "The value passed for field 'from' exceeds the range of '0-4999'.";
    let search = "The value passed for field 'from' exceeds the range of '0-999'.";
    let cases = [
        ("tickets?x=1", extra),
        ("organizations?x=1", extra),
        ("tickets?limit=101", limit),
        ("tickets?limit=0", limit),
        ("tickets?limit=-1", limit),
        ("tickets?from=5000", from),
        ("accounts?from=5000", from),
        ("tickets/search?from=1000", search),
        ("contacts/search?from=1000", search),
        (
            "agents?limit=201",
            "The value passed for field 'limit' exceeds the range of '0-200'.",
        ),
        (
            "emailFailureAlerts?department=allDepartment&limit=51",
            "The value passed for field 'limit' exceeds the range of '1-50'.",
        ),
    ];
    for (path, message) in cases {
        let answer = portal.get(path).await;
        assert_eq!(answer.status, 422, "{path}");
        assert_eq!(answer.code(), "UNPROCESSABLE_ENTITY", "{path}");
        assert_eq!(answer.json()["message"], message, "{path}");
    }
    for (path, empty) in [
        ("tickets?from=4999", true),
        ("tickets/search?from=999", true),
        ("tickets?limit=100", false),
    ] {
        let answer = portal.get(path).await;
        assert_eq!(answer.status, if empty { 204 } else { 200 }, "{path}");
        assert_eq!(answer.body.is_empty(), empty, "{path}");
    }
}

#[tokio::test]
async fn wrong_values_name_the_parameter() {
    let portal = Portal::with_tickets(10).await;
    let cases = [
        ("ticketTags", "/departmentId", "missing"),
        ("customerHappiness", "/department", "missing"),
        ("emailFailureAlerts", "/department", "missing"),
        ("tickets/archivedTickets", "/departmentId", "missing"),
        ("ticketTags?departmentId=5", "/departmentId", "invalid"),
        ("emailFailureAlerts?department=5", "/department", "invalid"),
        ("tickets?departmentIds=5", "/departmentIds", "invalid"),
        ("tickets?sortBy=modifiedTime", "/sortBy", "invalid"),
        ("tickets?limit=ten", "/limit", "invalid"),
        (
            "tickets/search?modifiedTimeRange=2026-01-01T00:00:00Z,2026-01-02T00:00:00Z",
            "/modifiedTimeRange",
            "invalid",
        ),
    ];
    for (path, name, kind) in cases {
        let answer = portal.get(path).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (422, "INVALID_DATA"),
            "{path}"
        );
        let error = &answer.json()["errors"][0];
        assert_eq!(
            (&error["fieldName"], &error["errorType"]),
            (&json!(name), &json!(kind))
        );
    }
    assert_eq!(
        portal.get("tickets?modifiedTimeRange=a,b").await.status,
        422
    );
    assert_eq!(portal.get("tickets?fields=subject").await.status, 200);
    assert_eq!(portal.get("tickets?fields=nonsense").await.status, 500);
}

#[tokio::test]
async fn default_limits_are_those_of_the_route() {
    let portal = Portal::with_tickets(300).await;
    for (path, rows) in [
        ("tickets", 25),
        ("tickets/search", 10),
        ("contacts", 10),
        ("agents", 3),
    ] {
        assert_eq!(portal.get(path).await.rows().len(), rows, "{path}");
    }
}

#[tokio::test]
async fn from_counts_from_zero_or_from_one() {
    let zero = Portal::with_tickets(10).await;
    let one = Portal::open(Options {
        from_base: FromBase::One,
        ..Options::with_tickets(10)
    })
    .await;
    let ids = async |portal: &Portal, path: &str| portal.get(path).await.ids();
    let all = ids(&zero, "departments?from=0&limit=200").await;
    assert_eq!(ids(&zero, "departments?from=11").await, all[11..]);
    assert_eq!(ids(&one, "departments?from=11").await, all[10..]);
    assert_eq!(ids(&one, "departments?from=0&limit=3").await, all[..3]);
    let search = "tickets/search?sortBy=createdTime&from=3";
    assert_eq!(ids(&one, search).await, ids(&zero, search).await);
}
