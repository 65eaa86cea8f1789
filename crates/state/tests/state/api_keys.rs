use jiff::SignedDuration;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;
use state::{Error, Grant, KeyRefusal, Scope, TenantId};

use crate::harness::{Bench, DAY, chat};

async fn refusal(bench: &Bench, key: &str) -> KeyRefusal {
    match bench.state.api_keys.verify(&SecretString::from(key)).await {
        Err(Error::KeyRefused(refusal)) => refusal,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_key_lets_its_client_in_and_its_secret_is_stored_nowhere() {
    let bench = Bench::start().await;
    let keys = &bench.state.api_keys;
    let issued = keys.issue("dashboard", [Scope::Read], None).await.unwrap();
    let key = issued.key.expose_secret();
    let (id, secret) = key.strip_prefix("dbk_").unwrap().split_once('_').unwrap();
    assert_eq!((id.len(), secret.len()), (12, 43));
    let client = keys.verify(&issued.key).await.unwrap();
    assert_eq!(client, issued.client);
    assert_eq!(
        (client.name.as_str(), client.id.as_str()),
        ("dashboard", id)
    );
    assert!(!bench.everything().contains(secret));
    assert!(!format!("{issued:?}").contains(secret));
    let other = keys.issue("dashboard", [Scope::Read], None).await.unwrap();
    assert_ne!(other.key.expose_secret(), key);
}

#[tokio::test]
async fn keys_that_are_wrong_unknown_expired_or_revoked_let_nobody_in() {
    let bench = Bench::start().await;
    let keys = &bench.state.api_keys;
    let hour = SignedDuration::from_hours(1);
    let issued = keys.issue("a", [Scope::Admin], Some(hour)).await.unwrap();
    let key = issued.key.expose_secret().to_owned();
    let wrong_secret = format!("{}{}", &key[..17], "A".repeat(43));
    let unknown_id = format!("dbk_{}{}", "0".repeat(12), &key[16..]);
    for (key, why) in [
        (wrong_secret.as_str(), KeyRefusal::Unknown),
        (&unknown_id, KeyRefusal::Unknown),
        ("", KeyRefusal::Malformed),
        ("dbk_", KeyRefusal::Malformed),
        (&key[..key.len() - 1], KeyRefusal::Malformed),
        (&key.replace("dbk", "xyz"), KeyRefusal::Malformed),
        (&format!("{key}A"), KeyRefusal::Malformed),
    ] {
        assert_eq!(refusal(&bench, key).await, why, "{key}");
    }
    bench.pass(hour - SignedDuration::from_secs(1));
    keys.verify(&issued.key).await.unwrap();
    bench.pass(SignedDuration::from_secs(1));
    assert_eq!(refusal(&bench, &key).await, KeyRefusal::Expired);
    bench.pass(DAY * 30);
    assert_eq!(refusal(&bench, &key).await, KeyRefusal::Unknown);

    let issued = keys.issue("b", [Scope::Write], None).await.unwrap();
    for _ in 0..2 {
        assert!(keys.revoke(&issued.client.id).await.unwrap());
    }
    assert_eq!(
        refusal(&bench, issued.key.expose_secret()).await,
        KeyRefusal::Revoked
    );
    assert!(!keys.revoke("000000000000").await.unwrap());
}

#[tokio::test]
async fn a_client_reaches_what_its_grant_says() {
    let bench = Bench::start().await;
    let keys = &bench.state.api_keys;
    let (own, other) = (chat("c1"), chat("c2"));
    // Scopes, then what they allow: read, write, admin.
    for (scopes, allowed) in [
        (vec![], [false, false, false]),
        (vec![Scope::Read], [true, false, false]),
        (vec![Scope::Write], [false, true, false]),
        (vec![Scope::Read, Scope::Write], [true, true, false]),
        (vec![Scope::Admin], [true, true, true]),
    ] {
        let issued = keys.issue("x", scopes, None).await.unwrap();
        let client = keys.verify(&issued.key).await.unwrap();
        let allows = [Scope::Read, Scope::Write, Scope::Admin].map(|scope| client.allows(scope));
        assert_eq!(allows, allowed);
        assert_eq!(client.may_see(&own), allowed[0]);
        assert!(!client.is_visitor());
    }
    let issued = keys.issue_visitor("visitor", &own, DAY).await.unwrap();
    let visitor = keys.verify(&issued.key).await.unwrap();
    assert!(visitor.is_visitor() && visitor.may_see(&own) && !visitor.may_see(&other));
    for scope in [Scope::Read, Scope::Write, Scope::Admin] {
        assert!(!visitor.allows(scope));
    }
    bench.pass(DAY);
    assert_eq!(
        refusal(&bench, issued.key.expose_secret()).await,
        KeyRefusal::Expired
    );
}

#[tokio::test]
async fn a_tenants_key_reaches_its_tenants_integrations_only() {
    let bench = Bench::start().await;
    let keys = &bench.state.api_keys;
    let acme = TenantId::parse("acme").unwrap();
    for (scopes, allowed) in [
        (vec![], [false, false, false]),
        (vec![Scope::Read], [true, false, false]),
        (vec![Scope::Admin], [true, true, true]),
    ] {
        let issued = keys
            .issue_tenant("bi", acme.clone(), scopes, None)
            .await
            .unwrap();
        let client = keys.verify(&issued.key).await.unwrap();
        assert_eq!(client.tenant(), Some(&acme));
        for (scope, allowed) in [Scope::Read, Scope::Write, Scope::Admin]
            .into_iter()
            .zip(allowed)
        {
            assert_eq!(client.allows_in_tenant(scope), allowed);
            assert!(!client.allows(scope));
        }
        assert!(!client.may_see(&chat("c1")) && !client.is_visitor());
    }
    let service = keys.issue("ops", [Scope::Admin], None).await.unwrap();
    let visitor = keys.issue_visitor("v", &chat("c1"), DAY).await.unwrap();
    for client in [service.client, visitor.client] {
        assert_eq!(client.tenant(), None);
        assert!(!client.allows_in_tenant(Scope::Read));
    }
    let listed = keys.list().await.unwrap();
    let of_acme = listed.iter().filter(|key| key.client.tenant().is_some());
    assert_eq!(
        of_acme.count(),
        3,
        "who issues keys can find and revoke them"
    );
}

#[test]
fn grants_stored_before_there_were_tenants_still_read() {
    for (stored, grant) in [
        (
            json!({"service": ["read", "admin"]}),
            Grant::Service([Scope::Read, Scope::Admin].into()),
        ),
        (json!({"visitor": "c1"}), Grant::Visitor(chat("c1"))),
        (
            json!({"tenant": {"tenant": "acme", "scopes": ["write"]}}),
            Grant::Tenant {
                tenant: TenantId::parse("acme").unwrap(),
                scopes: [Scope::Write].into(),
            },
        ),
    ] {
        assert_eq!(serde_json::to_value(&grant).unwrap(), stored);
        assert_eq!(serde_json::from_value::<Grant>(stored).unwrap(), grant);
    }
    for wrong in [
        json!({"tenant": {"tenant": "../x", "scopes": ["write"]}}),
        json!({"tenant": {"scopes": ["write"]}}),
    ] {
        assert!(serde_json::from_value::<Grant>(wrong).is_err());
    }
}

#[tokio::test]
async fn a_list_tells_everything_but_how_to_use_a_key() {
    let bench = Bench::start().await;
    let keys = &bench.state.api_keys;
    let first = keys.issue("first", [Scope::Read], None).await.unwrap();
    bench.pass(DAY);
    keys.issue("second", [Scope::Admin], Some(DAY))
        .await
        .unwrap();
    keys.issue_visitor("visitor", &chat("c1"), DAY)
        .await
        .unwrap();
    keys.revoke(&first.client.id).await.unwrap();
    let list = keys.list().await.unwrap();
    let names: Vec<_> = list.iter().map(|info| info.client.name.as_str()).collect();
    assert_eq!(names, ["second", "first"]);
    assert_eq!(list[0].expires_at, Some(bench.now() + DAY));
    assert_eq!(list[1].revoked_at, Some(bench.now()));
}
