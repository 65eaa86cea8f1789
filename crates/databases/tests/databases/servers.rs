//! PostgreSQL and MariaDB servers for the time of the tests.

use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::runner::Needs;

/// The password of the administrator, and of the reader.
pub(crate) const ADMIN: &str = "administrator-decoy";
pub(crate) const PASSWORD: &str = "reader-decoy-p4ssw0rd";

const START: Duration = Duration::from_mins(1);

/// Servers that are started when the first test asks for them.
#[derive(Clone, Default)]
pub(crate) struct Servers {
    postgres: Arc<Mutex<Option<Arc<Server>>>>,
    mariadb: Arc<Mutex<Option<Arc<Server>>>>,
}

impl Servers {
    /// What to install.
    pub(crate) fn missing(needs: Needs) -> Option<&'static str> {
        let has = |name| program(name).is_some();
        match needs {
            Needs::Postgres if !has("postgres") || !has("initdb") => {
                Some("install PostgreSQL (Debian: postgresql)")
            }
            Needs::MariaDb if !has("mariadbd") || !has("mariadb-install-db") => {
                Some("install MariaDB (Debian: mariadb-server)")
            }
            Needs::Postgres | Needs::MariaDb if !has("openssl") => Some("install openssl"),
            _ => None,
        }
    }

    pub(crate) fn postgres(&self) -> Arc<Server> {
        started(&self.postgres, Server::postgres)
    }

    pub(crate) fn mariadb(&self) -> Arc<Server> {
        started(&self.mariadb, Server::mariadb)
    }
}

fn started(server: &Mutex<Option<Arc<Server>>>, start: fn() -> Server) -> Arc<Server> {
    let mut server = server
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    server.get_or_insert_with(|| Arc::new(start())).clone()
}

/// A server that stops, and whose data goes, when dropped.
pub(crate) struct Server {
    child: Child,
    pub(crate) port: u16,
    /// The authority (PEM) that signed its certificate, for `localhost`.
    pub(crate) ca: String,
    folder: TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        // The whole group: PostgreSQL has a process for each connection.
        let group = format!("-{}", self.child.id());
        let _ = Command::new("kill").args(["-KILL", "--", &group]).status();
        let _ = self.child.wait();
    }
}

impl Server {
    fn postgres() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let data = folder.path().join("data");
        let ca = certificates(folder.path());
        std::fs::write(folder.path().join("password"), ADMIN).unwrap();
        give(folder.path(), "postgres");
        succeed(as_user("postgres", "initdb").args([
            "--auth=scram-sha-256",
            "--username=admin",
            "--encoding=UTF8",
            "--locale=C",
            "--no-sync",
            &format!("--pwfile={}", folder.path().join("password").display()),
            &format!("--pgdata={}", data.display()),
        ]));
        let port = free_port();
        let setting = |name: &str, value: &str| format!("{name}={value}");
        let file = |name: &str| folder.path().join(name).display().to_string();
        let mut command = as_user("postgres", "postgres");
        command.arg("-D").arg(&data);
        for setting in [
            setting("listen_addresses", "127.0.0.1"),
            setting("port", &port.to_string()),
            setting("unix_socket_directories", ""),
            setting("fsync", "off"),
            setting("synchronous_commit", "off"),
            setting("max_wal_size", "4GB"),
            setting("max_connections", "60"),
            setting("ssl", "on"),
            setting("ssl_cert_file", &file("server.pem")),
            setting("ssl_key_file", &file("server.key")),
        ] {
            command.arg("-c").arg(setting);
        }
        Self::spawned(command, port, ca, folder)
    }

    fn mariadb() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let data = folder.path().join("data");
        let ca = certificates(folder.path());
        give(folder.path(), "mysql");
        let file = |name: &str| folder.path().join(name).display().to_string();
        let user = if is_root() {
            "--user=mysql"
        } else {
            "--skip-name-resolve"
        };
        succeed(Command::new(program("mariadb-install-db").unwrap()).args([
            "--no-defaults",
            user,
            "--auth-root-authentication-method=normal",
            "--skip-test-db",
            &format!("--datadir={}", data.display()),
        ]));
        let start = file("start.sql");
        std::fs::write(
            &start,
            format!("CREATE USER admin@'%' IDENTIFIED BY '{ADMIN}';\nGRANT ALL ON *.* TO admin@'%' WITH GRANT OPTION;\n"),
        )
        .unwrap();
        give(folder.path(), "mysql");
        let port = free_port();
        let mut command = Command::new(program("mariadbd").unwrap());
        command.args([
            "--no-defaults",
            user,
            "--bind-address=127.0.0.1",
            "--skip-name-resolve",
            "--skip-log-bin",
            "--innodb-flush-log-at-trx-commit=0",
            "--character-set-server=utf8mb4",
            &format!("--datadir={}", data.display()),
            &format!("--socket={}", file("socket")),
            &format!("--pid-file={}", file("pid")),
            &format!("--port={port}"),
            &format!("--init-file={start}"),
            &format!("--ssl-ca={}", file("ca.pem")),
            &format!("--ssl-cert={}", file("server.pem")),
            &format!("--ssl-key={}", file("server.key")),
        ]);
        Self::spawned(command, port, ca, folder)
    }

    fn spawned(mut command: Command, port: u16, ca: String, folder: TempDir) -> Self {
        let log = std::fs::File::create(folder.path().join("log")).unwrap();
        let child = command
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .expect("the server starts");
        let mut server = Self {
            child,
            port,
            ca,
            folder,
        };
        server.wait();
        server
    }

    fn wait(&mut self) {
        let began = Instant::now();
        loop {
            if TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_ok() {
                return;
            }
            let ended = self.child.try_wait().unwrap();
            if ended.is_some() || began.elapsed() > START {
                let log = std::fs::read_to_string(self.folder.path().join("log"));
                panic!("the server did not start: {}", log.unwrap_or_default());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

/// Where Debian and others put a server's programs.
fn program(name: &str) -> Option<PathBuf> {
    let mut folders: Vec<PathBuf> = std::env::var_os("PATH")
        .map(|path| std::env::split_paths(&path).collect())
        .unwrap_or_default();
    folders.extend(["/usr/sbin", "/usr/local/sbin", "/opt/homebrew/bin"].map(PathBuf::from));
    let mut versions: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path().join("bin")))
        .collect();
    versions.sort();
    folders.extend(versions.into_iter().rev());
    folders
        .into_iter()
        .map(|folder| folder.join(name))
        .find(|path| path.is_file())
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output();
    id.is_ok_and(|id| id.stdout.trim_ascii() == b"0")
}

/// PostgreSQL refuses to be root.
fn as_user(user: &str, name: &str) -> Command {
    let program = program(name).expect("checked before");
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command
        .args(["--reuid", user, "--regid", user, "--init-groups", "--"])
        .arg(program)
        .current_dir("/");
    command
}

fn give(folder: &Path, user: &str) {
    if is_root() {
        succeed(Command::new("chown").arg("-R").arg(user).arg(folder));
    }
}

fn succeed(command: &mut Command) {
    let output = command.output().expect("the program starts");
    assert!(
        output.status.success(),
        "{}: {}{}",
        command.get_program().display(),
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap().port()
}

/// `ca.pem`, and `server.pem` with `server.key` for `localhost`; the authority's text.
fn certificates(folder: &Path) -> String {
    let file = |name: &str| folder.join(name).display().to_string();
    let openssl = |arguments: &[&str]| succeed(Command::new("openssl").args(arguments));
    let key = ["-newkey", "rsa:2048", "-nodes"];
    let (ca, ca_key) = (file("ca.pem"), file("ca.key"));
    let (request, server, server_key) = (file("csr"), file("server.pem"), file("server.key"));
    let mut authority = vec!["req", "-x509", "-days", "2", "-subj", "/CN=Test authority"];
    authority.extend(key);
    authority.extend(["-keyout", &ca_key, "-out", &ca]);
    openssl(&authority);
    let mut asking = vec!["req", "-new", "-subj", "/CN=localhost"];
    asking.extend(key);
    asking.extend(["-keyout", &server_key, "-out", &request]);
    openssl(&asking);
    let extensions = file("extensions");
    std::fs::write(&extensions, "subjectAltName=DNS:localhost\n").unwrap();
    openssl(&[
        "x509",
        "-req",
        "-days",
        "2",
        "-in",
        &request,
        "-CA",
        &ca,
        "-CAkey",
        &ca_key,
        "-CAcreateserial",
        "-extfile",
        &extensions,
        "-out",
        &server,
    ]);
    succeed(Command::new("chmod").arg("600").arg(&server_key));
    std::fs::read_to_string(ca).unwrap()
}
