"""PostgreSQL and MariaDB servers of the stack's own, for integrations to read. Where one is not installed, there is none.

Run as a program, it serves the benchmark: see `serve`.
"""

import glob
import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

from processes import Service, free_port, start, tail, wait_until

READY_SECONDS = 60
# Neither server runs as root; these are the users that their Debian packages make.
USERS = {"postgresql": "postgres", "mariadb": "mysql"}
POSTGRESQL_PLACES = ("/usr/lib/postgresql/*/bin", "/usr/local/bin", "/usr/bin", "/opt/homebrew/bin")


@dataclass(frozen=True)
class Database:
    """A server on loopback, and an account that may do everything on it."""

    kind: str
    port: int
    user: str
    password: str
    database: str
    data: str

    def address(self) -> str:
        return f"127.0.0.1:{self.port}"


def start_databases(log_dir: Path, *, outlive_us: bool) -> tuple[list[Service], list[Database]]:
    """Those servers that are installed."""
    services: list[Service] = []
    found: list[Database] = []
    try:
        for begin in (_postgresql, _mariadb):
            begun = begin(log_dir, outlive_us)
            if begun:
                services.append(begun[0])
                found.append(begun[1])
    except BaseException:
        for service in services:
            service.stop()
        remove_data(found)
        raise
    return services, found


def remove_data(databases: list[Database]) -> None:
    for database in databases:
        shutil.rmtree(database.data, ignore_errors=True)


def missing() -> list[str]:
    """Servers that are not installed here, by what installs them on Debian."""
    return [name for name, there in (("postgresql", _postgresql_bin()), ("mariadb-server", shutil.which("mariadbd")))
            if not there]


def _postgresql(log_dir: Path, outlive_us: bool) -> tuple[Service, Database] | None:
    programs = _postgresql_bin()
    if not programs:
        return None
    data, identity = _folder("postgresql")
    password = secrets.token_urlsafe(16)
    secret = data / "password"
    secret.write_text(password)
    _give(secret, identity)
    log = log_dir / "postgresql.log"
    _setup([programs / "initdb", "-D", data / "db", "-U", "deskbridge", "-A", "scram-sha-256", "-E", "UTF8",
            "--locale=C.UTF-8", f"--pwfile={secret}", "--no-sync"], log, identity)
    port = free_port()
    child, service = start("postgresql", [str(programs / "postgres"), "-D", str(data / "db"), "-p", str(port),
                                          "-h", "127.0.0.1", "-k", str(data), "-c", "fsync=off"],
                           _env(data), log, outlive_us=outlive_us, cwd=data, **identity)
    found = Database("postgresql", port, "deskbridge", password, "postgres", str(data))
    _await(service, child, found, log, [programs / "pg_isready", "-h", "127.0.0.1", "-p", str(port)])
    return service, found


def _mariadb(log_dir: Path, outlive_us: bool) -> tuple[Service, Database] | None:
    server, install, admin = (shutil.which(name) for name in ("mariadbd", "mariadb-install-db", "mariadb-admin"))
    if not (server and install and admin):
        return None
    data, identity = _folder("mariadb")
    password = secrets.token_urlsafe(16)
    log = log_dir / "mariadb.log"
    _setup([install, "--no-defaults", f"--datadir={data / 'db'}", "--auth-root-authentication-method=normal",
            "--skip-test-db"], log, identity)
    init = data / "init.sql"
    init.write_text("CREATE DATABASE deskbridge CHARACTER SET utf8mb4;\n"
                    f"CREATE USER 'deskbridge'@'%' IDENTIFIED BY '{password}';\n"
                    "GRANT ALL ON *.* TO 'deskbridge'@'%' WITH GRANT OPTION;\n")
    _give(init, identity)
    port = free_port()
    child, service = start("mariadb", [server, "--no-defaults", f"--datadir={data / 'db'}", f"--port={port}",
                                       "--bind-address=127.0.0.1", f"--socket={data / 's'}", "--skip-name-resolve",
                                       f"--pid-file={data / 'pid'}", f"--init-file={init}"],
                           _env(data), log, outlive_us=outlive_us, cwd=data, **identity)
    found = Database("mariadb", port, "deskbridge", password, "deskbridge", str(data))
    _await(service, child, found, log, [admin, "--no-defaults", "--protocol=tcp", "-h", "127.0.0.1", f"-P{port}",
                                        "-udeskbridge", f"-p{password}", "ping"])
    return service, found


def _await(service: Service, child: subprocess.Popen, found: Database, log: Path, ping: list) -> None:
    def ready() -> bool:
        return subprocess.run(list(map(str, ping)), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                              check=False).returncode == 0
    try:
        wait_until(ready, child, found.kind, log, READY_SECONDS)
    except BaseException:
        service.stop()
        remove_data([found])
        raise


def _postgresql_bin() -> Path | None:
    places = [Path(place) for pattern in POSTGRESQL_PLACES for place in sorted(glob.glob(pattern), reverse=True)]
    return next((place for place in places if (place / "postgres").exists() and (place / "initdb").exists()), None)


def _folder(kind: str) -> tuple[Path, dict]:
    """A data folder, and who the server is to run as. Not below our own, which another user cannot enter."""
    data = Path(tempfile.mkdtemp(prefix=f"deskbridge-{kind}-"))
    identity = {"user": USERS[kind], "group": USERS[kind]} if os.geteuid() == 0 else {}
    _give(data, identity)
    return data, identity


def _give(path: Path, identity: dict) -> None:
    path.chmod(0o700 if path.is_dir() else 0o600)
    if identity:
        shutil.chown(path, identity["user"], identity["group"])


def _setup(command: list, log: Path, identity: dict) -> None:
    with log.open("ab") as sink:
        code = subprocess.run(list(map(str, command)), stdin=subprocess.DEVNULL, stdout=sink, stderr=sink, cwd="/",
                              env=_env(Path("/")), check=False, **identity).returncode
    if code != 0:
        raise SystemExit(f"{Path(command[0]).name} failed; see {log}\n{tail(log)}")


def _env(home: Path) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "HOME": str(home), "LC_ALL": "C.UTF-8"}


def serve() -> int:
    """Says as one JSON line where the servers are, and ends them when standard input does."""
    log_dir = Path(tempfile.mkdtemp(prefix="deskbridge-databases-"))
    services, found = start_databases(log_dir, outlive_us=False)
    try:
        print(json.dumps({database.kind: asdict(database) for database in found}), flush=True)
        sys.stdin.read()
    finally:
        for service in services:
            service.stop()
        remove_data(found)
        shutil.rmtree(log_dir, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(serve())
