//! The vendor's rules that Deskbridge leans on, asked of the stand-in over HTTP.

#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

use std::{
    collections::BTreeSet,
    sync::Arc,
    time::{Duration, Instant},
};

use clock::ManualClock;
use futures_util::future::join_all;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json, value::RawValue};
use simulators::zoho::{
    AccountSize, Change, Edition, Entity, Fault, FaultRule, FromBase, Mutation, Options, Simulator,
};

const NOW: &str = "2026-02-01T10:30:00Z";

struct Portal {
    simulator: Simulator,
    clock: Arc<ManualClock>,
    http: reqwest::Client,
    token: String,
}

#[derive(Debug)]
struct Answer {
    status: u16,
    headers: reqwest::header::HeaderMap,
    body: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    fn code(&self) -> String {
        self.json()["errorCode"].as_str().unwrap_or("").to_owned()
    }

    fn header(&self, name: &str) -> Option<u64> {
        self.headers.get(name)?.to_str().ok()?.parse().ok()
    }

    fn rows(&self) -> Vec<String> {
        #[derive(serde::Deserialize)]
        struct Page {
            data: Vec<Box<RawValue>>,
        }
        if self.status == 204 {
            return Vec::new();
        }
        let page: Page = serde_json::from_str(&self.body).unwrap();
        page.data.iter().map(|row| row.get().to_owned()).collect()
    }

    fn ids(&self) -> Vec<String> {
        self.rows().iter().map(|row| field(row, "id")).collect()
    }
}

fn field(row: &str, name: &str) -> String {
    let row: Value = serde_json::from_str(row).unwrap();
    row[name].as_str().unwrap_or("").to_owned()
}

async fn read(mut response: reqwest::Response) -> Result<Answer, reqwest::Error> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        body.extend_from_slice(&chunk);
    }
    Ok(Answer {
        status: response.status().as_u16(),
        headers: response.headers().clone(),
        body: String::from_utf8(body).unwrap(),
    })
}

impl Portal {
    async fn open(options: Options) -> Self {
        let clock = Arc::new(ManualClock::at(NOW.parse().unwrap()));
        let simulator = Simulator::start(Options {
            clock: clock.clone(),
            ..options
        })
        .await
        .unwrap();
        let mut portal = Self {
            simulator,
            clock,
            http: reqwest::Client::new(),
            token: String::new(),
        };
        let refresh_token = portal.simulator.issue_refresh_token();
        let answer = portal.refresh(&refresh_token).await;
        portal
            .token
            .push_str(answer["access_token"].as_str().unwrap());
        portal.simulator.reset_stats();
        portal
    }

    async fn with_tickets(tickets: u32) -> Self {
        Self::open(Options::with_tickets(tickets)).await
    }

    fn request(&self, path: &str) -> reqwest::RequestBuilder {
        let url = format!("{}/api/v1/{path}", self.simulator.origin());
        self.http.get(url)
    }

    async fn try_get(&self, path: &str) -> Result<Answer, reqwest::Error> {
        let request = self
            .request(path)
            .header("authorization", format!("Zoho-oauthtoken {}", self.token))
            .header("orgId", "700000001");
        read(request.send().await?).await
    }

    async fn get(&self, path: &str) -> Answer {
        self.try_get(path).await.unwrap()
    }

    async fn mint(&self, pairs: &[(&str, &str)]) -> Value {
        let url = format!("{}/oauth/v2/token", self.simulator.origin());
        let response = self.http.post(url).form(pairs).send().await.unwrap();
        let answer = read(response).await.unwrap();
        assert_eq!(
            answer.status, 200,
            "token errors come as 200: {}",
            answer.body
        );
        answer.json()
    }

    async fn refresh(&self, refresh_token: &str) -> Value {
        self.mint(&[
            ("grant_type", "refresh_token"),
            ("refresh_token", refresh_token),
            ("client_id", "1000.SIMCLIENT"),
            ("client_secret", "sim-client-secret"),
        ])
        .await
    }

    async fn exchange(&self, code: &str) -> Value {
        self.mint(&[
            ("grant_type", "authorization_code"),
            ("code", code),
            ("client_id", "1000.SIMCLIENT"),
            ("client_secret", "sim-client-secret"),
        ])
        .await
    }

    /// Walks a list until a short page; `path` has its query already.
    async fn walk(&self, path: &str, limit: usize) -> Vec<String> {
        let mut rows = Vec::new();
        loop {
            let answer = self
                .get(&format!("{path}&limit={limit}&from={}", rows.len()))
                .await;
            assert!(matches!(answer.status, 200 | 204), "{answer:?}");
            let page = answer.rows();
            let short = page.len() < limit;
            rows.extend(page);
            if short {
                return rows;
            }
        }
    }

    fn truth(&self, report: &str, query: &str) -> Vec<String> {
        let rows = self.simulator.truth(report, query).unwrap();
        sorted(rows.into_iter().map(|row| row.row).collect())
    }
}

fn sorted(mut rows: Vec<String>) -> Vec<String> {
    rows.sort();
    rows
}

#[tokio::test]
async fn a_grant_code_is_good_once_and_yields_a_lasting_refresh_token() {
    let portal = Portal::with_tickets(10).await;
    let first = portal.exchange("1000.simgrantcode").await;
    assert_eq!(first["expires_in"], 3600);
    assert_eq!(first["token_type"], "Bearer");
    assert_eq!(first["api_domain"], "https://www.zohoapis.com");
    assert_eq!(
        portal.exchange("1000.simgrantcode").await,
        json!({"error": "invalid_code"})
    );

    let refreshed = portal
        .refresh(first["refresh_token"].as_str().unwrap())
        .await;
    assert!(refreshed["access_token"].is_string());
    assert!(refreshed.get("refresh_token").is_none(), "no rotation");

    let code = portal.simulator.issue_code();
    portal.clock.advance(SignedDuration::from_secs(601));
    assert_eq!(portal.exchange(&code).await["error"], "invalid_code");
    let code = portal.simulator.issue_code();
    assert!(portal.exchange(&code).await["access_token"].is_string());
}

#[tokio::test]
async fn wrong_token_requests_are_named_under_status_200() {
    let portal = Portal::with_tickets(10).await;
    let client = ("client_id", "1000.SIMCLIENT");
    let secret = ("client_secret", "sim-client-secret");
    let refresh = ("grant_type", "refresh_token");
    let cases: [(&[(&str, &str)], &str); 5] = [
        (
            &[client, ("client_secret", "wrong"), refresh],
            "invalid_client",
        ),
        (&[("client_id", "wrong"), secret, refresh], "invalid_client"),
        (
            &[client, secret, refresh, ("refresh_token", "1000.dead")],
            "invalid_code",
        ),
        (
            &[client, secret, ("grant_type", "password")],
            "unsupported_grant_type",
        ),
        (&[client, secret], "unsupported_grant_type"),
    ];
    for (pairs, error) in cases {
        assert_eq!(portal.mint(pairs).await["error"], error, "{pairs:?}");
    }
}

#[tokio::test]
async fn the_eleventh_mint_in_ten_minutes_is_refused() {
    let portal = Portal::with_tickets(10).await;
    let token = portal.simulator.issue_refresh_token();
    for _ in 0..10 {
        assert!(portal.refresh(&token).await["access_token"].is_string());
    }
    assert_eq!(portal.refresh(&token).await["error"], "Access Denied");
    portal.clock.advance(SignedDuration::from_mins(10));
    assert!(portal.refresh(&token).await["access_token"].is_string());

    let stats = portal.simulator.stats();
    assert_eq!((stats.refreshes, stats.refused("Access Denied")), (11, 1));
}

#[tokio::test]
async fn an_access_token_dies_of_age_of_revocation_and_of_too_many_siblings() {
    let mut portal = Portal::open(Options {
        mints_per_ten_minutes: 100,
        ..Options::with_tickets(10)
    })
    .await;
    let refresh_token = portal.simulator.issue_refresh_token();
    let fresh = async |portal: &Portal| {
        let answer = portal.refresh(&refresh_token).await;
        answer["access_token"].as_str().unwrap().to_owned()
    };

    portal.token = fresh(&portal).await;
    assert_eq!(portal.get("tickets").await.status, 200);
    portal.clock.advance(SignedDuration::from_secs(3_600));
    assert_eq!(portal.get("tickets").await.code(), "INVALID_OAUTH");

    portal.token = fresh(&portal).await;
    for _ in 0..14 {
        fresh(&portal).await;
    }
    assert_eq!(portal.get("tickets").await.status, 200);
    fresh(&portal).await;
    assert_eq!(portal.get("tickets").await.code(), "INVALID_OAUTH");

    portal.token = fresh(&portal).await;
    let revoke = format!(
        "{}/oauth/v2/token/revoke?token={refresh_token}",
        portal.simulator.origin()
    );
    let revoked = portal.http.post(&revoke).send().await.unwrap();
    assert_eq!(revoked.status(), 200);
    assert_eq!(portal.get("tickets").await.code(), "INVALID_OAUTH");
    assert_eq!(
        portal.refresh(&refresh_token).await["error"],
        "invalid_code"
    );
    let again = portal.http.post(&revoke).send().await.unwrap();
    assert_eq!(again.status(), 400);
}

#[tokio::test]
async fn headers_decide_who_asks_and_of_which_portal() {
    let portal = Portal::with_tickets(10).await;
    let good = format!("Zoho-oauthtoken {}", portal.token);
    let bearer = format!("Bearer {}", portal.token);
    let (good, bearer) = (Some(good.as_str()), Some(bearer.as_str()));
    let cases = [
        ("tickets", good, Some("700000001"), 200, ""),
        ("tickets", bearer, Some("700000001"), 200, ""),
        ("tickets", None, Some("700000001"), 401, "UNAUTHORIZED"),
        (
            "tickets",
            Some("Bearer x"),
            Some("700000001"),
            401,
            "INVALID_OAUTH",
        ),
        ("tickets", good, Some("7oo"), 500, "INTERNAL_SERVER_ERROR"),
        (
            "tickets",
            good,
            Some("700000002"),
            403,
            "OAUTH_ORG_MISMATCH",
        ),
        ("tickets", good, None, 403, "OAUTH_ORG_MISMATCH"),
        ("organizations", good, None, 200, ""),
    ];
    for (path, authorization, org_id, status, code) in cases {
        let mut request = portal.request(path);
        for (name, value) in [("authorization", authorization), ("orgId", org_id)] {
            if let Some(value) = value {
                request = request.header(name, value);
            }
        }
        let answer = read(request.send().await.unwrap()).await.unwrap();
        let case = format!("{path} {authorization:?} {org_id:?}");
        assert_eq!(answer.status, status, "{case}");
        assert_eq!(answer.code(), code, "{case}");
    }
}

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
    let post = format!("{}/api/v1/tickets", portal.simulator.origin());
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

#[tokio::test]
async fn requests_in_flight_are_limited_by_the_edition() {
    let portal = Portal::open(Options {
        edition: Edition::Free,
        latency: Duration::from_millis(100),
        ..Options::with_tickets(10)
    })
    .await;
    let answers = join_all((0..12).map(|_| portal.get("tickets"))).await;
    let refused: Vec<_> = answers
        .iter()
        .filter(|answer| answer.status == 429)
        .collect();
    assert_eq!(refused.len(), 7);
    for answer in refused {
        assert_eq!(answer.code(), "TOO_MANY_REQUESTS");
        assert!(answer.headers.get("retry-after").is_none());
    }
    let most = portal.simulator.stats().max_concurrency;
    assert_eq!(
        most, 6,
        "a refused request is in flight until it is answered"
    );
}

#[tokio::test]
async fn credits_are_counted_shown_and_refilled_at_midnight() {
    let portal = Portal::open(Options {
        daily_credits: Some(20),
        ..Options::with_tickets(10)
    })
    .await;
    let id = &portal.simulator.ids("tickets", 1)[0];
    let by_id = format!("tickets/{id}");
    let costs = [
        (by_id.as_str(), 1, 19),
        ("tickets", 3, 16),
        ("tickets?from=2001", 5, 11),
    ];
    for (path, weight, remaining) in costs {
        let answer = portal.get(path).await;
        assert_eq!(
            answer.header("x-rate-limit-request-weight-v3"),
            Some(weight),
            "{path}"
        );
        assert_eq!(
            answer.header("x-rate-limit-remaining-v3"),
            Some(remaining),
            "{path}"
        );
    }
    for _ in 0..3 {
        assert_eq!(portal.get("tickets").await.status, 200);
    }
    let spent = portal.get("tickets").await;
    assert_eq!(
        (spent.status, spent.code().as_str()),
        (429, "THRESHOLD_EXCEEDED")
    );
    let seconds = spent.header("retry-after").unwrap();
    assert_eq!(seconds, 13 * 3_600 + 1_800, "until midnight");
    assert_eq!(portal.simulator.stats().credits, 18);

    portal
        .clock
        .advance(SignedDuration::from_secs(seconds.cast_signed()));
    // The token died meanwhile, which also shows that the pool is full again.
    let answer = portal.get("tickets").await;
    assert_eq!(answer.header("x-rate-limit-remaining-v3"), Some(20));
}

#[tokio::test]
async fn plans_and_scopes_bound_routes() {
    let portal = Portal::open(Options {
        edition: Edition::Standard,
        ..Options::with_tickets(10)
    })
    .await;
    let id = &portal.simulator.ids("tickets", 1)[0];
    for path in [
        format!("tickets/{id}/timeEntry"),
        "customerHappiness?department=allDepartment".to_owned(),
    ] {
        let answer = portal.get(&path).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (403, "LICENSE_ACCESS_LIMITED")
        );
    }
    assert_eq!(portal.get("tickets?status=Open").await.status, 200);

    portal.simulator.drop_scope("Desk.search.READ");
    assert_eq!(portal.get("tickets").await.status, 200);
    let answer = portal.get("tickets/search").await;
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (403, "SCOPE_MISMATCH")
    );
    portal.simulator.drop_scope("Desk.tickets.READ");
    assert_eq!(portal.get("tickets").await.code(), "SCOPE_MISMATCH");
    portal.simulator.grant_scope("Desk.tickets.READ");
    assert_eq!(portal.get("tickets").await.status, 200);
}

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

#[tokio::test]
async fn the_same_seed_gives_the_same_portal_and_another_one_does_not() {
    let truth = async |seed: u64| {
        let options = Options {
            seed,
            ..Options::with_tickets(20)
        };
        Portal::open(options).await.truth("tickets", "")
    };
    let first = truth(1).await;
    assert_eq!(first, truth(1).await);
    assert_ne!(first, truth(2).await);
    let now: Timestamp = NOW.parse().unwrap();
    for row in first {
        let time = |name| field(&row, name).parse::<Timestamp>().unwrap();
        assert!(time("createdTime") <= time("modifiedTime") && time("modifiedTime") <= now);
        assert!((17..=18).contains(&field(&row, "id").len()));
    }
}

#[tokio::test]
async fn an_empty_portal_answers_204_everywhere() {
    let portal = Portal::open(Options {
        size: AccountSize::empty(),
        ..Options::default()
    })
    .await;
    for path in [
        "tickets",
        "tickets/search",
        "contacts",
        "accounts",
        "calls",
        "myPendingApprovals",
    ] {
        let answer = portal.get(path).await;
        assert_eq!((answer.status, answer.body.len()), (204, 0), "{path}");
    }
    assert_eq!(portal.get("agents").await.rows().len(), 1);
}
