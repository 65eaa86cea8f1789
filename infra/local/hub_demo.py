"""The integrations hub by its command line: a REST API and a SQLite file, followed row by row."""

import json
import os
import sqlite3
import subprocess
import tempfile
import urllib.request
from collections.abc import Iterable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from api_keys import new_key
from deployment import clients
from lifecycle import Stack
from paths import DESKBRIDGE
from ticketing import http_api

TENANT = "demo"
ORDERS = 500


def play(stack: Stack) -> int:
    """0 if the records of both sources are the sources' rows."""
    print("\nTwo integrations of the hub, by its command line", flush=True)
    with tempfile.TemporaryDirectory(prefix="deskbridge-demo-") as folder:
        shell = Shell(stack, Path(folder))
        wrong = [source.name for source in (Items(stack), Orders(stack, Path(folder))) if not followed(shell, source)]
    if wrong:
        print(f"\nNot as in the source: {', '.join(wrong)}")
        return 1
    print("\nRecords and rows agree, before and after the change.")
    return 0


class Items:
    """The simulated REST API behind a token."""

    name = "Items of a REST API"
    secrets: dict[str, str]

    def __init__(self, stack: Stack) -> None:
        self.origin = stack.rest_api.origin
        self.secrets = {"token": stack.rest_api.token}

    def body(self) -> dict:
        stream = {"name": "items", "path": "/cursor", "records": "$.items", "primaryKey": ["id"],
                  "pagination": {"kind": "cursor", "parameter": "cursor", "from": {"body": "$.next_cursor"}},
                  "cursor": {"field": "updatedAt", "parameter": "since"}}
        return {"name": self.name, "type": "custom_api",
                "config": {"baseUrl": f"{self.origin}/auth/bearer", "auth": {"kind": "bearer"}, "streams": [stream]}}

    def change(self) -> str:
        """Says what was changed."""
        self.ask("/_sim/change", {"ids": [3, 5]})
        self.ask("/_sim/delete", {"ids": [8]})
        return "two items changed, one deleted"

    def rows(self) -> dict[str, dict]:
        lines = self.ask("/_sim/truth").splitlines()
        return {str(row["id"]): row for row in map(json.loads, lines)}

    def ask(self, path: str, body: dict | None = None) -> bytes:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.origin + path, data=data, headers={"content-type": "application/json"})
        with opener.open(request, timeout=60) as answer:
            return answer.read()


class Orders:
    """A SQLite file in the bucket."""

    name = "Orders of a SQLite file"
    secrets: dict[str, str] = {}

    def __init__(self, stack: Stack, folder: Path) -> None:
        self.file = folder / "orders.db"
        self.objects = clients(stack.endpoint_url, "s3")
        self.bucket, self.key = stack.outputs["BucketName"], f"databases/{TENANT}/orders.db"
        orders = ((n, f"order {n}", f"{n}.50", f"2026-11-01T00:{n // 60:02}:{n % 60:02}Z") for n in range(1, ORDERS + 1))
        self.write("CREATE TABLE orders (id INTEGER PRIMARY KEY, note TEXT, amount TEXT, changed TEXT)")
        self.write("INSERT INTO orders VALUES (?, ?, ?, ?)", orders)

    def body(self) -> dict:
        table = {"name": "orders", "primaryKey": ["id"], "cursor": "changed"}
        return {"name": self.name, "type": "sqlite",
                "config": {"file": f"s3://{self.bucket}/{self.key}", "tables": [table]}}

    def change(self) -> str:
        self.write("UPDATE orders SET note = 'changed', changed = '2026-11-02T00:00:00Z' WHERE id IN (3, 5)")
        self.write("DELETE FROM orders WHERE id = 8")
        return "two rows changed, one deleted"

    def rows(self) -> dict[str, dict]:
        with closing(sqlite3.connect(self.file)) as database:
            database.row_factory = sqlite3.Row
            return {str(row["id"]): dict(row) for row in database.execute("SELECT * FROM orders")}

    def write(self, sql: str, rows: Iterable[tuple] | None = None) -> None:
        with closing(sqlite3.connect(self.file)) as database, database:
            if rows is None:
                database.execute(sql)
            else:
                database.executemany(sql, rows)
        self.objects.upload_file(str(self.file), self.bucket, self.key)


class Shell:
    """The command line with a key of the tenant."""

    def __init__(self, stack: Stack, folder: Path) -> None:
        if not DESKBRIDGE.exists():
            raise SystemExit(f"{DESKBRIDGE} is missing: run `make build`")
        key, item = new_key("demo", ["read", "write", "admin"], 1, datetime.now(UTC), TENANT)
        clients(stack.endpoint_url, "dynamodb").put_item(TableName=stack.outputs["StateTableName"], Item=item)
        self.folder = folder
        self.env = os.environ | {"DESKBRIDGE_URL": http_api(stack.endpoint_url, stack.outputs),
                                 "DESKBRIDGE_API_KEY": key, "COLUMNS": "140"}

    def run(self, *arguments: str) -> str:
        """What it printed, without its notes."""
        return self.done(*arguments).stdout

    def show(self, *arguments: str) -> None:
        """Runs it as a person would, and prints what they would see."""
        print(f"\n$ deskbridge {' '.join(arguments)}", flush=True)
        done = self.done(*arguments)
        print((done.stdout + done.stderr).rstrip(), flush=True)

    def done(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run([DESKBRIDGE, *arguments], env=self.env, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"deskbridge {' '.join(arguments)}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    def file(self, name: str, content: dict) -> str:
        path = self.folder / name
        path.write_text(json.dumps(content))
        return str(path)

    def records(self, ident: str) -> dict[str, dict]:
        file = self.folder / "records.ndjson"
        self.run("export", ident, "-o", str(file))
        records = map(json.loads, file.read_text().splitlines())
        return {record["externalId"]: record["data"] for record in records}


def followed(shell: Shell, source: Items | Orders) -> bool:
    """Creates, tests, syncs, changes, syncs again, deletes; whether the records were the rows each time."""
    create = ["create", "--file", shell.file("integration.json", source.body()), "--json"]
    if source.secrets:
        create += ["--secrets-file", shell.file("secrets.json", source.secrets)]
    ident = str(json.loads(shell.run(*create))["id"])
    print(f"\n{source.name}: integration {ident}")
    shell.show("test", ident)
    shell.show("sync", ident)
    exact = shell.records(ident) == source.rows()
    shell.show("data", ident, "--limit", "3")
    print(f"\nThen {source.change()}")
    shell.show("sync", ident, "--full")
    exact &= shell.records(ident) == source.rows()
    shell.show("runs", ident)
    shell.show("delete", ident, "--yes", "--with-data")
    return exact
