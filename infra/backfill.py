"""Starts a backfill and follows it to its end.

    backfill.py --report tickets --since 2024-01-01 [--until 2024-07-01] [--event more.json]
    backfill.py --report tickets --full 1
    backfill.py --execution ARN [--redrive 1]      follow one that was started before, or go on with one that failed
"""

import argparse
import json
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

import installation
from installation import Installation

POLL_SECONDS = {True: 0.5, False: 5}
OWN_KEYS = {"report", "since", "until", "full"}


def main() -> int:
    arguments = parse()
    request = None if arguments.execution else checked_request(arguments)
    if not request and (arguments.report or arguments.since or arguments.until or arguments.full or arguments.event):
        raise SystemExit("EXECUTION follows a backfill that was started before: leave out everything but REDRIVE")
    found = installation.find()
    try:
        return run(found, request, arguments)
    except (BotoCoreError, ClientError) as error:
        raise SystemExit(str(error)) from error


def run(found: Installation, request: dict | None, arguments: argparse.Namespace) -> int:
    machine = found.outputs.get("BackfillArn")
    if not machine:
        raise SystemExit(f"the installation {found.where} has no backfill: deploy this version first")
    states = found.client("stepfunctions")
    if request is None:
        execution = arguments.execution
        print(f"Following {execution} {found.where}", flush=True)
        check_execution(execution, machine)
        if arguments.redrive:
            states.redrive_execution(executionArn=execution)
            time.sleep(POLL_SECONDS[found.local])  # until what is read of it is not that it failed
    else:
        span = "in full" if "full" in request else f"since {request['since']}"
        print(f"Backfill of {request['report']} {span} {found.where}", flush=True)
        check_report(request["report"], found, machine)
        name = f"{request['report']}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
        execution = states.start_execution(stateMachineArn=machine, name=name, input=json.dumps(request))["executionArn"]
        print(f"started {execution}", flush=True)
    try:
        return Follower(states, execution, found.local).follow()
    except KeyboardInterrupt:
        print(f"\nIt goes on without this. To follow it again: make backfill EXECUTION={execution}")
        return 130


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("report", "since", "until", "full", "event", "execution", "redrive"):
        parser.add_argument(f"--{name}", default="")
    arguments = parser.parse_args()
    arguments.full = switch("FULL", arguments.full)
    arguments.redrive = switch("REDRIVE", arguments.redrive)
    return arguments


def switch(name: str, word: str) -> bool:
    known = {"": False, "0": False, "false": False, "1": True, "true": True}
    if word.lower() not in known:
        raise SystemExit(f"{name}={word} is neither 1 nor 0")
    return known[word.lower()]


def checked_request(arguments: argparse.Namespace) -> dict:
    """The state machine's input, or the end of the program with what is wrong with the arguments."""
    if not arguments.report:
        raise SystemExit("name the report: make backfill REPORT=tickets SINCE=2024-01-01")
    if arguments.redrive:
        raise SystemExit("REDRIVE goes on with an execution: make backfill EXECUTION=... REDRIVE=1")
    if arguments.full and (arguments.since or arguments.until):
        raise SystemExit("FULL reads everything: leave out SINCE and UNTIL")
    if not arguments.full and not arguments.since:
        raise SystemExit(f"say from when: make backfill REPORT={arguments.report} SINCE=2024-01-01, or FULL=1 for everything")
    since, until = instant("SINCE", arguments.since), instant("UNTIL", arguments.until)
    if since and since >= datetime.now(UTC):
        raise SystemExit(f"SINCE={arguments.since} is not in the past")
    if since and until and since >= until:
        raise SystemExit(f"SINCE={arguments.since} is not before UNTIL={arguments.until}")
    request = further_keys(arguments.event) | {"report": arguments.report}
    if arguments.full:
        return request | {"full": True}
    return request | {"since": arguments.since} | ({"until": arguments.until} if until else {})


def instant(name: str, text: str) -> datetime | None:
    """A date is its midnight in UTC, as for the functions."""
    if not text:
        return None
    try:
        value = datetime.fromisoformat(text)
    except ValueError:
        value = None
    if value and len(text) == len("2024-01-31"):
        return value.replace(tzinfo=UTC)
    if not value or not value.tzinfo:
        raise SystemExit(f"{name}={text} is neither a date like 2024-01-31 nor a time like 2024-01-31T09:15:00Z")
    return value


def further_keys(file: str) -> dict:
    """`department_id`, `format` and the like, from a file."""
    if not file:
        return {}
    try:
        keys = json.loads(Path(file).read_text())
    except (OSError, ValueError) as error:
        raise SystemExit(f"EVENT={file} cannot be read: {error}") from error
    if not isinstance(keys, dict) or OWN_KEYS & keys.keys():
        raise SystemExit(f"EVENT={file} must be a JSON object without {', '.join(sorted(OWN_KEYS))}")
    return keys


def check_report(report: str, found: Installation, machine: str) -> None:
    prefix = machine.rpartition(":")[2].removesuffix("backfill")
    known = [name.removeprefix(prefix) for name in found.outputs["FunctionNames"].split(",")]
    if report not in known:
        raise SystemExit(f"REPORT={report} is unknown; there are {', '.join(known)}")


def check_execution(execution: str, machine: str) -> None:
    if not execution.startswith(machine.replace(":stateMachine:", ":execution:") + ":"):
        raise SystemExit(f"EXECUTION={execution} is no backfill of this installation; they begin with "
                         f"{machine.replace(':stateMachine:', ':execution:')}:")


@dataclass
class Follower:
    """Watches one execution, says how far it is, and at its end what came of it."""

    states: object
    execution: str
    local: bool

    def __post_init__(self) -> None:
        self.rows_of: dict[str, int] = {}
        self.shown = ""

    def follow(self) -> int:
        while True:
            now = self.states.describe_execution(executionArn=self.execution)
            windows = self.windows()
            if now["status"] != "RUNNING":
                break
            self.show(self.progress(windows), datetime.now(UTC) - now["startDate"])
            time.sleep(POLL_SECONDS[self.local])
        elapsed = clock(now["stopDate"] - now["startDate"])
        if now["status"] == "SUCCEEDED":
            return self.result(json.loads(now["output"]), windows, elapsed)
        return self.failure(now, windows, elapsed)

    def windows(self) -> dict | None:
        """The Map Run, None while there is no plan yet."""
        runs = self.states.list_map_runs(executionArn=self.execution)["mapRuns"]
        return self.states.describe_map_run(mapRunArn=runs[0]["mapRunArn"]) if runs else None

    def progress(self, windows: dict | None) -> str:
        if not windows:
            return "asking for a plan"
        counts = windows["itemCounts"]
        rows = f"{self.rows(windows['mapRunArn']):,} rows"
        if windows["status"] == "SUCCEEDED":
            return f"{counts['total']}/{counts['total']} windows, {rows}, making them visible"
        failed = f", {counts['failed']} failed" if counts["failed"] else ""
        return f"{counts['succeeded']}/{counts['total']} windows, {rows}{failed}"

    def rows(self, map_run: str) -> int:
        """Of the windows that are stored. Each is asked for its number once."""
        pages = self.states.get_paginator("list_executions").paginate(mapRunArn=map_run, statusFilter="SUCCEEDED")
        for child in (child for page in pages for child in page["executions"]):
            arn = child["executionArn"]
            if arn not in self.rows_of:
                answer = self.states.describe_execution(executionArn=arn)
                self.rows_of[arn] = json.loads(answer.get("output") or "{}").get("rows", 0)
        return sum(self.rows_of.values())

    def show(self, progress: str, elapsed) -> None:
        """One line that is written over on a terminal; elsewhere a line for each change."""
        if sys.stdout.isatty():
            print(f"\r\033[K  {progress}, {clock(elapsed)}", end="", flush=True)
        elif progress != self.shown:
            print(f"  {progress}, {clock(elapsed)}", flush=True)
        self.shown = progress

    def result(self, answer: dict, windows: dict | None, elapsed: str) -> int:
        self.end_line()
        print(f"{answer['rows']:,} rows of {windows['itemCounts']['total'] if windows else 0} windows after {elapsed}")
        print(f"manifest s3://{answer['bucket']}/{answer['manifest_key']}")
        if not answer["complete"]:
            print("Rows are missing that Zoho did not give:", *answer.get("reasons", []), sep="\n  ")
        return 0

    def failure(self, ended: dict, windows: dict | None, elapsed: str) -> int:
        self.end_line()
        failed = self.failed_window(windows) if windows else None
        if failed:
            event = json.loads(failed["input"])["event"]
            place = f"window {event['backfill']['index']} ({event.get('since')} to {event.get('until')})"
        else:
            place = "the plan" if not windows else "the backfill"
        of = failed or ended
        print(f"{ended['status']} after {elapsed}: {place}: {of.get('error', 'stopped')}: {message(of.get('cause', ''))}")
        print(self.next_step(windows))
        return 1

    def failed_window(self, windows: dict) -> dict | None:
        """The first of them: others may have failed because of it."""
        children = self.states.list_executions(mapRunArn=windows["mapRunArn"], statusFilter="FAILED")["executions"]
        if not children:
            return None
        first = min(children, key=lambda child: child["stopDate"])
        return self.states.describe_execution(executionArn=first["executionArn"])

    def next_step(self, windows: dict | None) -> str:
        if not windows:
            return "Nothing was read. Correct what the message names and start it again."
        if self.local:
            return "The local AWS cannot go on with a failed backfill: correct what the message names and start it again."
        return ("Correct what the message names, then go on, within 5 days; the windows that are stored are kept:\n"
                f"make backfill EXECUTION={self.execution} REDRIVE=1")

    def end_line(self) -> None:
        if self.shown and sys.stdout.isatty():
            print()


def message(cause: str) -> str:
    """A function's own words, where the cause is its error."""
    try:
        return json.loads(cause)["errorMessage"]
    except (ValueError, TypeError, KeyError):
        return cause


def clock(elapsed) -> str:
    return str(elapsed).partition(".")[0]


if __name__ == "__main__":
    sys.exit(main())
