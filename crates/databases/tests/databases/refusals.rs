//! What goes wrong, and what is never done.

use std::time::Duration;

use databases::NoFiles;
use egress::Egress;
use engine::{Kind, Source};
use serde_json::{Value, json};

use crate::reading::{Database, connect, credentials, deadline, full, rest, rows, try_read, with};
use crate::servers::{ADMIN, PASSWORD, Servers};

async fn kind_of_check(platform: &str, config: &Value, password: &str) -> Kind {
    let error = match connect(platform, config, password).await {
        Ok(source) => source.check(deadline()).await.unwrap_err(),
        Err(error) => error,
    };
    let said = format!("{error} {error:?}");
    for secret in [password, PASSWORD, ADMIN, "127.0.0.1:"] {
        assert!(secret.is_empty() || !said.contains(secret), "{said}");
    }
    error.kind()
}

async fn errors_of_connecting(database: &Database) {
    let config = database.config();
    let platform = database.platform;
    for (settings, password, kind) in [
        (json!({}), "wrong-decoy", Kind::AuthRequired),
        (json!({}), "", Kind::AuthRequired),
        (json!({"user": "nobody"}), PASSWORD, Kind::AuthRequired),
        (json!({"port": 1}), PASSWORD, Kind::Unreachable),
        (json!({"host": "name.invalid"}), PASSWORD, Kind::Unreachable),
        (json!({"host": "169.254.169.254"}), PASSWORD, Kind::Refused),
        (json!({"tables": ["gone"]}), PASSWORD, Kind::SchemaChanged),
        (
            json!({"queries": [{"name": "q", "sql": "SELECT nothing FROM nowhere"}]}),
            PASSWORD,
            Kind::SchemaChanged,
        ),
        (
            json!({"queries": [{"name": "q", "sql": "SELECT no_such_function(1)"}]}),
            PASSWORD,
            Kind::InvalidConfig,
        ),
        (
            json!({"queries": [{"name": "q", "sql": "DELETE FROM t"}]}),
            PASSWORD,
            Kind::Refused,
        ),
    ] {
        let config = with(config.clone(), &settings);
        let got = kind_of_check(platform, &config, password).await;
        assert_eq!(got, kind, "{settings}");
    }
    let public = Egress::public_only();
    let password = credentials(PASSWORD);
    let source = databases::connect(platform, &config, &password, &public, &NoFiles);
    let error = source.await.unwrap().check(deadline()).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Refused, "{error}");
    // Somebody else listens there.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let other = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        tokio::io::AsyncWriteExt::write_all(&mut stream, b"HTTP/1.1 400 Bad Request\r\n\r\n")
            .await
            .unwrap();
    });
    let config = with(config, &json!({"port": port}));
    assert_eq!(
        kind_of_check(platform, &config, PASSWORD).await,
        Kind::Unreachable
    );
    other.await.unwrap();
}

async fn times_out(source: Box<dyn Source>, stream: &str) {
    let began = std::time::Instant::now();
    let error = try_read(source.as_ref(), full(stream)).await.unwrap_err();
    assert_eq!(error.kind(), Kind::DeadlineExceeded, "{error}");
    assert!(began.elapsed() < Duration::from_secs(15));
}

pub(crate) async fn postgres_errors_say_what_to_do(servers: Servers) {
    let database = Database::postgres(servers.postgres()).await;
    errors_of_connecting(&database).await;
    let unknown = with(database.config(), &json!({"database": "nowhere"}));
    assert_eq!(
        kind_of_check("postgresql", &unknown, PASSWORD).await,
        Kind::InvalidConfig
    );
    let slow = json!({"statementTimeoutSeconds": 1, "queries": [{
        "name": "slow", "primaryKey": "n",
        "sql": "SELECT count(*) AS n FROM generate_series(1, 3000000000)",
    }]});
    times_out(database.source(&slow).await, "slow").await;
    database
        .run(
            "CREATE TABLE t (id integer PRIMARY KEY); INSERT INTO t SELECT generate_series(1, 5000);; \
             BEGIN; LOCK TABLE t IN ACCESS EXCLUSIVE MODE",
        )
        .await;
    let settings = json!({"rowsPerChunk": 50});
    times_out(database.source(&settings).await, "public.t").await;
    database.run("COMMIT").await;
    // The server goes away in the middle: what was read stays, and it is gone on with.
    let source = database.source(&settings).await;
    let mut reader = source.read(full("public.t")).await.unwrap();
    let mut all = rows(reader.next().await.unwrap().unwrap());
    database
        .run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'reader'")
        .await;
    let error = loop {
        match reader.next().await {
            Ok(piece) => all.extend(rows(piece.unwrap())),
            Err(error) => break error,
        }
    };
    assert!(error.is_transient(), "{error}");
    assert!(rest(reader.as_mut()).await.unwrap().is_empty());
    let resume = Some(reader.position().unwrap());
    let again = engine::Reading {
        resume,
        ..full("public.t")
    };
    all.extend(try_read(source.as_ref(), again).await.unwrap().rows);
    let expected: Vec<_> = (1..=5000).map(|id| format!("{{\"id\":{id}}}")).collect();
    assert_eq!(all, expected);
}

pub(crate) async fn mariadb_errors_say_what_to_do(servers: Servers) {
    let database = Database::mariadb(servers.mariadb()).await;
    errors_of_connecting(&database).await;
    // The server does not tell a database that is not there from one that may not be entered.
    let unknown = with(database.config(), &json!({"database": "nowhere"}));
    assert_eq!(
        kind_of_check("mariadb", &unknown, PASSWORD).await,
        Kind::ScopeMissing
    );
    let slow = json!({"statementTimeoutSeconds": 1, "queries": [{
        "name": "slow", "primaryKey": "n",
        "sql": "SELECT sum(a.seq * b.seq % 7) AS n FROM seq_1_to_1000000 a, seq_1_to_1000000 b",
    }]});
    times_out(database.source(&slow).await, "slow").await;
    database
        .run("CREATE TABLE t (id int PRIMARY KEY);; LOCK TABLES t WRITE")
        .await;
    times_out(database.source(&json!({})).await, "t").await;
    database.run("UNLOCK TABLES").await;
    let other = Database::mariadb(servers.mariadb()).await;
    other.run("CREATE TABLE t (id int)").await;
    other
        .run(&format!(
            "REVOKE SELECT, EXECUTE ON {}.* FROM reader@'%'",
            other.name
        ))
        .await;
    let some = format!("SELECT id FROM {}.t", other.name);
    let query = json!({"queries": [{"name": "q", "sql": some}]});
    let config = with(database.config(), &query);
    assert_eq!(
        kind_of_check("mariadb", &config, PASSWORD).await,
        Kind::ScopeMissing
    );
}

/// A function may write, whatever the statement that calls it looks like.
async fn never_writes(database: &Database, calls: &[&str]) {
    for call in calls {
        let query = json!({"queries": [{"name": "q", "sql": format!("SELECT {call} AS n"), "primaryKey": "n"}]});
        let source = database.source(&query).await;
        let error = try_read(source.as_ref(), full("q")).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Refused, "{call}: {error}");
    }
    assert_eq!(database.texts("SELECT 'row' FROM kept").await.len(), 1);
}

pub(crate) async fn postgres_never_writes(servers: Servers) {
    let database = Database::postgres(servers.postgres()).await;
    database
        .run(
            "CREATE TABLE kept (id integer PRIMARY KEY); INSERT INTO kept VALUES (1); \
             GRANT ALL ON kept TO reader; CREATE SEQUENCE s; GRANT ALL ON s TO reader; \
             CREATE FUNCTION empties() RETURNS integer LANGUAGE sql VOLATILE AS \
             'DELETE FROM kept; SELECT 1'; \
             CREATE FUNCTION counts() RETURNS bigint LANGUAGE sql AS 'SELECT nextval(''s'')'; \
             CREATE FUNCTION frees() RETURNS integer LANGUAGE plpgsql AS \
             'BEGIN SET TRANSACTION READ WRITE; DELETE FROM kept; RETURN 1; END'",
        )
        .await;
    never_writes(&database, &["empties()", "counts()"]).await;
    let query =
        json!({"queries": [{"name": "q", "sql": "SELECT frees() AS n", "primaryKey": "n"}]});
    let source = database.source(&query).await;
    try_read(source.as_ref(), full("q")).await.unwrap_err();
    assert_eq!(database.texts("SELECT 'row' FROM kept").await.len(), 1);
}

pub(crate) async fn mariadb_never_writes(servers: Servers) {
    let database = Database::mariadb(servers.mariadb()).await;
    database
        .run(
            "CREATE TABLE kept (id int PRIMARY KEY);; INSERT INTO kept VALUES (1);; \
             CREATE FUNCTION empties() RETURNS int MODIFIES SQL DATA \
             BEGIN DELETE FROM kept; RETURN 1; END",
        )
        .await;
    never_writes(&database, &["empties()"]).await;
}

pub(crate) async fn no_server_is_needed_to_refuse(_: Servers) {
    let base = json!({"host": "h", "database": "d", "user": "u"});
    for (platform, settings, kind) in [
        ("postgresql", json!({"tls": "maybe"}), Kind::InvalidConfig),
        (
            "postgresql",
            json!({"queries": [{"name": "q", "sql": "SELECT pg_sleep(1)"}]}),
            Kind::Refused,
        ),
        (
            "mysql",
            json!({"queries": [{"name": "q", "sql": "SELECT 1 INTO OUTFILE '/x'"}]}),
            Kind::Refused,
        ),
        (
            "database",
            json!({"dialect": "mariadb", "queries": [{"name": "q", "sql": "CALL p()"}]}),
            Kind::Refused,
        ),
        ("sqlite", json!({}), Kind::InvalidConfig),
        ("oracle", json!({}), Kind::InvalidConfig),
    ] {
        let error = connect(platform, &with(base.clone(), &settings), "p")
            .await
            .unwrap_err();
        assert_eq!(error.kind(), kind, "{platform}: {error}");
    }
    let file = json!({"file": "s3://bucket/key"});
    let error = connect("sqlite", &file, "").await.unwrap_err();
    assert_eq!(error.kind(), Kind::Refused, "{error}");
}
