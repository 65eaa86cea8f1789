use jiff::SignedDuration;
use serde_json::json;
use simulators::zoho::Options;

use crate::portal::{Portal, read};

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
