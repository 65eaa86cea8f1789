use serde_json::json;
use vendor_http::TokenSource;

use crate::world::{BUCKET, LOCK, SECRET, World, log, soon};

#[tokio::test]
async fn neither_logs_nor_debug_output_nor_the_lock_show_a_secret() {
    let world = World::start().await;
    let process = world.process();
    let mut shown = vec![format!("{:?} {process:?}", world.config())];
    world.fill_in_code();
    let first = process.token(soon()).await.unwrap();
    let mut secret = world.secret();
    secret["code"] = "1000.planted-code".into();
    world.aws.put_secret(SECRET, &secret.to_string());
    world.pass(3600);
    process.begin_invocation();
    let second = process.token(soon()).await.unwrap();
    let secret = process.secret(soon()).await.unwrap();
    shown.push(format!("{secret:?} {first:?} {second:?}"));
    let planted: Vec<String> = ["client_secret", "code", "refresh_token", "access_token"]
        .iter()
        .map(|field| world.secret()[field].as_str().unwrap().to_owned())
        .chain([first.expose().to_owned(), world.zoho.options().code.clone()])
        .collect();

    world.zoho.revoke_refresh_tokens();
    world.pass(3600);
    process.begin_invocation();
    let error = process.token(soon()).await.unwrap_err();
    shown.push(format!("{error:?}"));
    world.zoho_answers(&json!({ "error": planted[0] }));
    process.begin_invocation();
    let error = process.token(soon()).await.unwrap_err();
    shown.push(format!("{error:?}"));

    let lock = world.aws.object(BUCKET, LOCK).unwrap();
    shown.push(String::from_utf8(lock.to_vec()).unwrap());
    let shown = shown.join("\n");
    let logged = log().text();
    assert!(logged.contains("access token minted"), "{logged}");
    assert!(logged.contains("\"expires_in_s\":3600") && logged.contains("duration_ms"));
    assert!(
        logged.contains("going on with the earlier grant"),
        "{logged}"
    );
    for secret in planted {
        assert!(!logged.contains(&secret), "{secret} in {logged}");
        assert!(!shown.contains(&secret), "{secret} in {shown}");
    }
}
