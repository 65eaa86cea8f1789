use std::collections::BTreeSet;

use crate::portal::{Portal, field, read, sorted};

#[tokio::test]
async fn a_full_walk_of_every_route_finds_exactly_the_truth() {
    let portal = Portal::with_tickets(400).await;
    let walks = [
        ("accounts", "accounts?sortBy=createdTime", 100),
        ("accounts", "accounts/search?sortBy=modifiedTime", 100),
        ("agents", "agents?sortOrder=desc", 200),
        ("calls", "calls?sortBy=-startTime", 7),
        ("calls", "calls/search?sortBy=-modifiedTime", 100),
        ("contacts", "contacts?sortBy=lastName", 100),
        ("contacts", "contacts/search?sortBy=-createdTime", 99),
        (
            "customer-happiness",
            "customerHappiness?department=allDepartment",
            9,
        ),
        ("departments", "departments?searchStr=*", 5),
        (
            "notification-email-failures",
            "emailFailureAlerts?department=allDepartment",
            3,
        ),
        ("tickets", "tickets/search?sortBy=modifiedTime", 50),
        ("tickets?rows=list", "tickets?sortBy=dueDate", 50),
        ("queue-by-status", "tickets/search?status=Open", 100),
        (
            "queue-by-status?status=On Hold",
            "tickets/search?status=On%20Hold",
            100,
        ),
        (
            "queue-by-status?status=${onhold}&rows=list",
            "tickets?status=${onhold}",
            100,
        ),
    ];
    for (report, path, limit) in walks {
        let (report, query) = report.split_once('?').unwrap_or((report, ""));
        let walked = portal.walk(path, limit).await;
        assert!(!walked.is_empty(), "{path}");
        assert_eq!(sorted(walked), portal.truth(report, query), "{path}");
    }
    let approvals = portal.get("myPendingApprovals").await.rows();
    assert_eq!(
        sorted(approvals),
        portal.truth("notification-pending-approvals", "")
    );
}

#[tokio::test]
async fn a_walk_of_every_parent_finds_exactly_the_truth() {
    let portal = Portal::with_tickets(60).await;
    let walks = [
        (
            "agent-time-entry",
            "agents",
            "agents/{}/timeEntry?orderBy=DESC",
        ),
        ("ticket-tags", "departments", "ticketTags?departmentId={}"),
        (
            "threads",
            "tickets",
            "tickets/{}/threads?sortBy=-sendDateTime",
        ),
        (
            "ticket-time-entry",
            "tickets",
            "tickets/{}/timeEntry?orderBy=ASC",
        ),
        (
            "notification-pending-approvals",
            "tickets",
            "tickets/{}/approvals?status=Pending",
        ),
    ];
    for (report, parents, path) in walks {
        let mut walked = Vec::new();
        for id in portal.simulator.ids(parents, 1_000) {
            walked.extend(portal.walk(&path.replace("{}", &id), 2).await);
        }
        assert!(!walked.is_empty(), "{report}");
        assert_eq!(sorted(walked), portal.truth(report, ""), "{report}");
    }
    let entries = portal.truth("ticket-time-entry", "");
    assert_eq!(
        entries,
        portal.truth("agent-time-entry", ""),
        "the same entries"
    );
}

#[tokio::test]
async fn truth_is_also_served_line_by_line() {
    let portal = Portal::with_tickets(700).await;
    let url = format!("{}/_sim/truth/threads", portal.simulator.origin());
    let answer = read(portal.http.get(url).send().await.unwrap())
        .await
        .unwrap();
    let expected = portal.simulator.truth("threads", "").unwrap();
    assert_eq!(answer.body.lines().count(), expected.len());
    for (line, row) in answer.body.lines().zip(expected) {
        let (key, id) = row.parent.unwrap();
        assert_eq!(
            line,
            format!("{{\"parent\":{{\"{key}\":\"{id}\"}},\"row\":{}}}", row.row)
        );
    }
}

#[tokio::test]
async fn a_search_row_is_the_list_row_with_its_modified_time_behind() {
    let portal = Portal::with_tickets(30).await;
    let listed = portal.walk("tickets?sortBy=createdTime", 100).await;
    let found = portal.walk("tickets/search?sortBy=createdTime", 100).await;
    for (listed, found) in listed.iter().zip(&found) {
        assert!(!listed.contains("modifiedTime"));
        let modified = field(found, "modifiedTime");
        let head = listed.strip_suffix('}').unwrap();
        assert_eq!(*found, format!("{head},\"modifiedTime\":\"{modified}\"}}"));
    }
}

#[tokio::test]
async fn a_search_counts_all_matches_of_an_inclusive_time_range() {
    let portal = Portal::with_tickets(500).await;
    let all = portal.walk("tickets/search?sortBy=modifiedTime", 100).await;
    let times: Vec<String> = all.iter().map(|row| field(row, "modifiedTime")).collect();
    assert!(times.is_sorted());
    let (first, last) = (&times[100], &times[300]);
    let expected = times
        .iter()
        .filter(|time| (first..=last).contains(time))
        .count();
    let path =
        format!("tickets/search?modifiedTimeRange={first},{last}&sortBy=-modifiedTime&limit=5");
    let answer = portal.get(&path).await;
    assert_eq!(answer.json()["count"], expected);
    let newest = answer.rows();
    assert_eq!(newest.len(), 5);
    assert_eq!(field(&newest[0], "modifiedTime"), *last);

    let none = "tickets/search?createdTimeRange=2001-01-01T00:00:00.000Z,2001-01-02T00:00:00.000Z";
    assert_eq!(portal.get(none).await.status, 204);
    let some_share_a_millisecond = times.iter().collect::<BTreeSet<_>>().len() < times.len();
    assert!(some_share_a_millisecond);
}

#[tokio::test]
async fn filters_choose_rows() {
    let portal = Portal::with_tickets(1_500).await;
    let department = &portal.simulator.ids("departments", 3)[2];
    let agent = &portal.simulator.ids("agents", 1)[0];
    let cases = [
        (
            format!("tickets?departmentIds={department}"),
            "departmentId",
            department.as_str(),
        ),
        (
            format!("tickets/search?departmentId={department}"),
            "departmentId",
            department,
        ),
        (format!("tickets?assignee={agent}"), "assigneeId", agent),
        (
            "tickets?assignee=Unassigned&priority=High".to_owned(),
            "assigneeId",
            "",
        ),
        (
            "tickets/search?priority=High".to_owned(),
            "priority",
            "High",
        ),
        (
            "tickets/search?status=${open},Closed&channel=Chat".to_owned(),
            "channel",
            "Chat",
        ),
        (
            format!("calls?departmentId={department}"),
            "departmentId",
            department,
        ),
        ("agents?status=ACTIVE".to_owned(), "status", "ACTIVE"),
        (
            format!("customerHappiness?department={department}&rating=good"),
            "rating",
            "GOOD",
        ),
    ];
    for (path, name, expected) in cases {
        let rows = portal.get(&path).await.rows();
        assert!(!rows.is_empty(), "{path}");
        for row in rows {
            assert_eq!(field(&row, name), expected, "{path}");
        }
    }
    let entries = portal
        .walk(&format!("agents/{agent}/timeEntry?orderBy=ASC"), 100)
        .await;
    let time = field(&entries[0], "createdTime");
    let path = format!("agents/{agent}/timeEntry?createdTimeRange={time},{time}");
    assert_eq!(portal.get(&path).await.rows(), entries[..1]);
}
