"""zoho-simulator: the Zoho account whose data the reports pull, and what it really holds."""

import json
import subprocess
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from paths import SIMULATOR
from processes import Service, first_line, start


@dataclass(frozen=True)
class Simulator:
    """Where the simulated account answers, and the credentials a person would have copied from Zoho."""

    origin: str
    client_id: str
    client_secret: str
    code: str
    org_id: str

    def secret(self) -> str:
        return json.dumps({"client_id": self.client_id, "client_secret": self.client_secret,
                           "redirect_uri": "https://localhost/callback", "code": self.code, "org_id": self.org_id})

    def truth(self, report: str) -> Iterator[bytes]:
        """Every row the account holds for a report, as the bytes that must be stored. May carry a query."""
        with _get(f"{self.origin}/_sim/truth/{report}") as lines:
            for line in lines:
                yield _stored_form(line.decode().rstrip("\n"))

    def first_id(self, kind: str) -> str:
        """The id of one of the account's `departments`, `agents` or `tickets`."""
        with _get(f"{self.origin}/_sim/ids/{kind}?n=1") as answer:
            found = json.load(answer)
        return (found["ids"] if isinstance(found, dict) else found)[0]

    def listed(self, route: str, access_token: str) -> Iterator[bytes]:
        """The rows of one page of any route, as the vendor's API answers them."""
        headers = {"Authorization": f"Zoho-oauthtoken {access_token}", "orgId": self.org_id}
        with _get(f"{self.origin}/api/v1{route}", headers) as answer:
            page = answer.read()
        start = page.index(b"[")
        yield from array_rows(page[start:page.rindex(b"]") + 1])


def start_simulator(data: Path, options: list[str], *, outlive_us: bool) -> tuple[Service, Simulator]:
    if not SIMULATOR.exists():
        raise SystemExit(f"{SIMULATOR} is missing: run `make build`")
    log = data / "simulator.log"
    child, service = start("zoho-simulator", [str(SIMULATOR), *options], {}, log, outlive_us=outlive_us,
                           stdout=subprocess.PIPE)
    try:
        return service, _announcement(child, log)
    except BaseException:
        service.stop()
        raise


def array_rows(array: bytes) -> Iterator[bytes]:
    """The elements of a JSON array as they lie in it, not re-serialised."""
    text, decoder, at = array.decode(), json.JSONDecoder(), 1
    while True:
        while text[at] in ", \n\r\t":
            at += 1
        if text[at] == "]":
            return
        _, end = decoder.raw_decode(text, at)
        yield text[at:end].encode()
        at = end


def _get(url: str, headers: dict[str, str] | None = None):
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    return opener.open(urllib.request.Request(url, headers=headers or {}), timeout=120)


def _announcement(child: subprocess.Popen, log: Path) -> Simulator:
    said = json.loads(first_line(child, "zoho-simulator", log))
    return Simulator(**{field: said[field] for field in Simulator.__dataclass_fields__})


def _stored_form(line: str) -> bytes:
    """`{"parent":{…}|null,"row":{…}}` -> the row's own bytes, its parent's keys put after the opening brace."""
    head, middle = '{"parent":', ',"row":'
    parent, end = json.JSONDecoder().raw_decode(line, len(head))
    row = line[end + len(middle):-1]
    if not parent:
        return row.encode()
    inner = line[len(head) + 1:end - 1]
    separator = "" if row[1:].lstrip().startswith("}") else ","
    return ("{" + inner + separator + row[1:]).encode()
