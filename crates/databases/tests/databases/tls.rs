use engine::Kind;
use serde_json::json;

use crate::reading::{Database, deadline};
use crate::servers::{PASSWORD, Servers};

pub(crate) async fn postgres_modes(servers: Servers) {
    let database = Database::postgres(servers.postgres()).await;
    let sql = "SELECT ssl::text FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE usename = 'reader'";
    modes(&database).await;
    for (tls, encrypted) in [
        ("disable", "false"),
        ("prefer", "true"),
        ("require", "true"),
    ] {
        database
            .run("CREATE TABLE IF NOT EXISTS t (id integer PRIMARY KEY)")
            .await;
        let queries = json!({"tls": tls, "queries": [{
            "name": "q", "sql": "SELECT pid, ssl FROM pg_stat_ssl", "primaryKey": "pid",
        }]});
        let source = database.source(&queries).await;
        let reader = source.read(crate::reading::full("q")).await.unwrap();
        let seen = database.texts(sql).await;
        assert!(
            seen.iter().all(|ssl| ssl == encrypted) && !seen.is_empty(),
            "{tls}: {seen:?}"
        );
        drop(reader);
        while !database.texts(sql).await.is_empty() {
            tokio::task::yield_now().await;
        }
    }
}

pub(crate) async fn mariadb_modes(servers: Servers) {
    let database = Database::mariadb(servers.mariadb()).await;
    modes(&database).await;
    for (tls, encrypted) in [("disable", false), ("prefer", true), ("require", true)] {
        let queries = json!({"tls": tls, "queries": [{
            "name": "q", "primaryKey": "name",
            "sql": "SELECT variable_name AS name, variable_value AS value \
                    FROM information_schema.session_status WHERE variable_name = 'SSL_CIPHER'",
        }]});
        let source = database.source(&queries).await;
        let read = crate::reading::read(source.as_ref(), crate::reading::full("q")).await;
        assert_eq!(read.field("value")[0].is_empty(), !encrypted, "{tls}");
    }
}

/// The server's certificate is of an authority of its own, and for `localhost`.
async fn modes(database: &Database) {
    let ca = &database.server.ca;
    // The driver for MariaDB cannot look at the authority without looking at the name.
    let any_name = (database.platform == "mariadb").then_some(Kind::Refused);
    for (host, tls, ca, expected) in [
        ("127.0.0.1", "disable", None, None),
        ("127.0.0.1", "prefer", None, None),
        ("127.0.0.1", "require", None, None),
        ("localhost", "verify-full", Some(ca), None),
        ("localhost", "verify-ca", Some(ca), None),
        ("127.0.0.1", "verify-ca", Some(ca), any_name),
        ("127.0.0.1", "verify-full", Some(ca), Some(Kind::Refused)),
        ("localhost", "verify-full", None, Some(Kind::Refused)),
        ("localhost", "verify-ca", None, Some(Kind::Refused)),
    ] {
        let mut settings = json!({"host": host, "tls": tls});
        if let Some(ca) = ca {
            settings["ca"] = json!(ca);
        }
        let source = database.try_source(&settings, PASSWORD).await.unwrap();
        let result = source.check(deadline()).await;
        assert_eq!(
            result.as_ref().err().map(engine::Error::kind),
            expected,
            "{host} {tls}: {result:?}"
        );
    }
    let broken = json!({"tls": "verify-full", "ca": "-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----"});
    let source = database.try_source(&broken, PASSWORD).await.unwrap();
    let error = source.check(deadline()).await.unwrap_err();
    assert_eq!(error.kind(), Kind::InvalidConfig, "{error}");
}
