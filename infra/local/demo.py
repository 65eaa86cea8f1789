"""Every report once, compared with the account it was pulled from."""

import gzip
import json
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass

from deployment import SECRET_ID, clients
from simulator import Simulator, array_rows

# Per-parent reports follow what changed; `full` makes the first pull cover every parent.
EVENTS = {
    "agent-time-entry": {"full": True},
    "notification-pending-approvals": {"full": True},
    "threads": {"full": True},
    "ticket-time-entry": {"full": True},
    "desk-route": {"route": "/organizations"},
}
# Where the account can tell its rows in more than one way.
TRUTHS = {"notification-pending-approvals": "notification-pending-approvals?parent=ticket"}
AT_ONCE = 4
SCHEDULED = "departments"
SCHEDULE_SECONDS = 180


@dataclass(frozen=True)
class Outcome:
    """One line of the table. `problem` is empty when the stored rows are the account's rows."""

    report: str
    seconds: float
    rows: int = 0
    requests: int = 0
    credits: int = 0
    key: str = ""
    problem: str = ""


def run(endpoint: str, outputs: dict[str, str], simulator: Simulator) -> int:
    pull = Pull(endpoint, outputs["BucketName"], simulator)
    functions = outputs["FunctionNames"].split(",")
    print(f"\nPulling {len(functions)} reports, {AT_ONCE} at a time", flush=True)
    outcomes = []
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for done in as_completed(pool.submit(pull.outcome, name) for name in functions):
            outcomes.append(done.result())
            last = outcomes[-1]
            news = last.problem or f"{last.rows:,} rows"
            print(f"  {len(outcomes):2}/{len(functions)} {last.report:30} {news}", flush=True)
    scheduled = pull.scheduled_problem()
    outcomes.sort(key=lambda outcome: outcome.report)
    print(f"\n{table(outcomes)}\n")
    wrong = [outcome.report for outcome in outcomes if outcome.problem]
    if wrong:
        print(f"Not as in the account: {', '.join(wrong)}")
    if scheduled:
        print(f"The schedule of {SCHEDULED}: {scheduled}")
    if wrong or scheduled:
        return 1
    print(f"{len(outcomes)} reports, every row byte for byte as in the account; {SCHEDULED} also ran by its schedule.")
    return 0


class Pull:
    """Invokes functions of one stack and reads what they stored."""

    def __init__(self, endpoint: str, bucket: str, simulator: Simulator) -> None:
        self.functions = clients(endpoint, "lambda", read_timeout=910, retries={"max_attempts": 0},
                                 max_pool_connections=AT_ONCE)
        self.objects = clients(endpoint, "s3", max_pool_connections=AT_ONCE)
        self.secrets = clients(endpoint, "secretsmanager")
        self.bucket = bucket
        self.simulator = simulator

    def outcome(self, report: str) -> Outcome:
        began = time.monotonic()
        while True:
            answer = self.functions.invoke(FunctionName=report, Payload=json.dumps(EVENTS.get(report, {})))
            result = json.load(answer["Payload"])
            if "FunctionError" in answer or result["status"] != "partial":
                break
        seconds = time.monotonic() - began
        if "FunctionError" in answer:
            return Outcome(report, seconds, problem=f"{result.get('errorType')}: {result.get('errorMessage')}")
        manifest = json.loads(self.read(result["manifest_key"]))
        problem = self.difference(report, [entry["key"] for entry in manifest["keys"]])
        if not problem and not result["complete"]:
            problem = "the run calls itself incomplete"
        return Outcome(report, seconds, result["rows"], result["requests"], result["credits"], result["key"], problem)

    def difference(self, report: str, keys: list[str]) -> str:
        """How the rows in `keys` differ from the account's, '' when they do not. Order does not count."""
        stored = Counter(row for key in keys for row in rows(self.read(key), key))
        try:
            expected = Counter(self.expected(report))
        except (OSError, KeyError) as error:
            return f"the account's rows are not known: {error!r}"
        missing, surplus = expected - stored, stored - expected
        if missing or surplus:
            return f"{missing.total()} rows missing, {surplus.total()} not in the account"
        return ""

    def expected(self, report: str) -> Iterator[bytes]:
        if report != "desk-route":
            return self.simulator.truth(TRUTHS.get(report, report))
        secret = json.loads(self.secrets.get_secret_value(SecretId=SECRET_ID)["SecretString"])
        return self.simulator.listed(EVENTS[report]["route"], secret["access_token"])

    def scheduled_problem(self) -> str:
        """'' when a run that nobody invoked moves the scheduled report's pointer, to rows that are right too."""
        pointer = f"{SCHEDULED}/_latest.json"
        before = self.read(pointer)
        print(f"\nWaiting for the schedule of {SCHEDULED} (every minute) ", end="", flush=True)
        began = time.monotonic()
        while (after := self.read(pointer)) == before:
            if time.monotonic() - began > SCHEDULE_SECONDS:
                return f"it did not fire within {SCHEDULE_SECONDS} s"
            print(".", end="", flush=True)
            time.sleep(2)
        print(f" fired after {time.monotonic() - began:.0f} s", flush=True)
        return self.difference(SCHEDULED, json.loads(after)["keys"])

    def read(self, key: str) -> bytes:
        try:
            return self.objects.get_object(Bucket=self.bucket, Key=key)["Body"].read()
        except self.objects.exceptions.NoSuchKey:
            return b""


def rows(body: bytes, key: str) -> Iterator[bytes]:
    """The rows of an object as they lie in it, not re-serialised."""
    if key.endswith(".gz"):
        body = gzip.decompress(body)
    if ".jsonl" in key:
        yield from (line for line in body.split(b"\n") if line)
        return
    yield from array_rows(body)


def table(outcomes: list[Outcome]) -> str:
    lines = [("report", "rows", "requests", "credits", "seconds", "S3 key", "")]
    lines += [(outcome.report, f"{outcome.rows:,}", f"{outcome.requests:,}", f"{outcome.credits:,}",
               f"{outcome.seconds:.1f}", outcome.key, f"✗ {outcome.problem}" if outcome.problem else "✓")
              for outcome in outcomes]
    widths = [max(map(len, column)) for column in zip(*lines)]
    numbers = range(1, 5)
    return "\n".join("  ".join(cell.rjust(width) if column in numbers else cell.ljust(width)
                               for column, (cell, width) in enumerate(zip(line, widths))).rstrip()
                     for line in lines)
