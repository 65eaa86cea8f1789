"""The local stack: a simulated Zoho account, and the real template deployed on a local AWS.

    stack.py up              start it, deploy, leave it running; again: deploy what was rebuilt since
    stack.py status          what runs where
    stack.py down            end it
    stack.py env             the shell lines that point an AWS client at it
    stack.py exec -- CMD ... CMD against the stack that is up
    stack.py logs [NAME]     what its functions logged
    stack.py run -- CMD ...  a stack for CMD alone, gone when CMD ends; exits as CMD did
    stack.py demo [--keep]   every report pulled, checked row for row and listed

Everything it writes is under .local/. The command of `run` and `exec` finds its stack through AWS_ENDPOINT_URL and
DESKBRIDGE_STACK, the path of a JSON file with what is known about the stack.
"""

import argparse
import contextlib
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import demo
from deployment import SECRET_ID, STACK_NAME, clients, deploy, local_parameters, store_secret
from emulator import ACCOUNT_ID, REGION, client_env, isolated_env, start_emulator
from paths import LOCAL, STACK_FILE, tools
from processes import Service, StartFailed, end_with_parent, stop_group
from simulator import Simulator, start_simulator


ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True)
class Stack:
    """A running stack, as its file on disk describes it."""

    file: Path
    data: Path
    endpoint_url: str
    simulator: Simulator
    outputs: dict[str, str]
    services: list[Service]

    def save(self) -> None:
        known = {
            "endpoint_url": self.endpoint_url,
            "region": REGION,
            "account_id": ACCOUNT_ID,
            "stack_name": STACK_NAME,
            "secret_id": SECRET_ID,
            "bucket": self.outputs["BucketName"],
            "data": str(self.data),
            "functions": self.outputs["FunctionNames"].split(","),
            "outputs": self.outputs,
            "simulator": asdict(self.simulator),
            "services": [asdict(service) for service in self.services],
        }
        self.file.write_text(json.dumps(known, indent=2) + "\n")

    @classmethod
    def load(cls, file: Path) -> "Stack | None":
        try:
            known = json.loads(file.read_text())
        except FileNotFoundError:
            return None
        return cls(file, Path(known["data"]), known["endpoint_url"], Simulator(**known["simulator"]), known["outputs"],
                   [Service(**service) for service in known["services"]])

    def alive(self) -> bool:
        return all(service.alive() for service in self.services)

    def env(self) -> dict[str, str]:
        """What finds this stack: any AWS client, the tests, and a function under `cargo lambda watch`."""
        return client_env(self.endpoint_url) | {
            "DESKBRIDGE_STACK": str(self.file),
            "BUCKET": self.outputs["BucketName"],
            "SECRET_ID": SECRET_ID,
            "ZOHO_ACCOUNTS_URL": self.simulator.origin,
            "ZOHO_DESK_URL": self.simulator.origin,
            "PATH": f"{tools()}{os.pathsep}{os.environ['PATH']}",
        }

    def redeploy(self, parameters: dict[str, str]) -> "Stack":
        outputs = deploy(self.endpoint_url, self.data, local_parameters(self.simulator.origin) | parameters)
        fresh = replace(self, outputs=outputs)
        fresh.save()
        return fresh


def raise_stack(data: Path, file: Path, simulator_options: list[str], parameters: dict[str, str], *,
                outlive_us: bool) -> Stack:
    """Starts and deploys everything, or leaves nothing behind."""
    data.mkdir(parents=True, exist_ok=True)
    services: list[Service] = []
    began = time.monotonic()
    try:
        service, simulator = start_simulator(data, simulator_options, outlive_us=outlive_us)
        services.append(service)
        say(began, f"Zoho simulator at {simulator.origin}")
        service, endpoint = start_emulator(data, outlive_us=outlive_us)
        services.append(service)
        say(began, f"local AWS at {endpoint}, IAM enforced")
        store_secret(endpoint, simulator.secret())
        say(began, f"secret {SECRET_ID} stored; deploying infra/template.yaml with sam deploy")
        outputs = deploy(endpoint, data, local_parameters(simulator.origin) | parameters)
        say(began, f"{len(outputs['FunctionNames'].split(','))} functions deployed")
        stack = Stack(file, data, endpoint, simulator, outputs, services)
        stack.save()
    except BaseException:
        stop_all(services)
        raise
    return stack


@contextlib.contextmanager
def temporary_stack(simulator_options: list[str], parameters: dict[str, str]) -> Iterator[Stack]:
    """A stack of one's own, beside any other on this machine."""
    LOCAL.mkdir(exist_ok=True)
    data = Path(tempfile.mkdtemp(prefix="run-", dir=LOCAL))
    stack = None
    try:
        stack = raise_stack(data, data / "stack.json", simulator_options, parameters, outlive_us=False)
        yield stack
    finally:
        if stack:
            stop_all(stack.services)
        keep_logs(data)
        shutil.rmtree(data, ignore_errors=True)


def keep_logs(data: Path) -> None:
    """The last temporary stack's logs, for whoever wants to know why it failed."""
    kept = LOCAL / "last-run"
    kept.mkdir(exist_ok=True)
    for log in data.glob("*.log"):
        os.replace(log, kept / log.name)


def stop_all(services: list[Service]) -> None:
    for service in reversed(services):
        service.stop()


def up(arguments: argparse.Namespace) -> int:
    stack = Stack.load(STACK_FILE)
    if stack and stack.alive():
        stack.redeploy(arguments.parameters)
        print("the stack was up; deployed what changed")
    else:
        if stack:
            stop_all(stack.services)
        shutil.rmtree(LOCAL / "up", ignore_errors=True)
        stack = raise_stack(LOCAL / "up", STACK_FILE, arguments.simulator, arguments.parameters, outlive_us=True)
    print_exports(stack)
    return 0


def down(_arguments: argparse.Namespace) -> int:
    stack = Stack.load(STACK_FILE)
    if not stack:
        print("no stack is up")
        return 0
    stop_all(stack.services)
    STACK_FILE.unlink()
    shutil.rmtree(LOCAL / "up", ignore_errors=True)
    print("stack is down")
    return 0


def running_stack() -> Stack:
    stack = Stack.load(STACK_FILE)
    if not stack or not stack.alive():
        raise SystemExit("no stack is up; start one with `make up`")
    return stack


def status(_arguments: argparse.Namespace) -> int:
    stack = Stack.load(STACK_FILE)
    if not stack:
        print("no stack is up; start one with `make up`")
        return 1
    for service in stack.services:
        print(f"{service.name:15} pid {service.pid:<8} {'running' if service.alive() else 'ENDED  '}  log {service.log}")
    print(f"{'Zoho simulator':15} {stack.simulator.origin}\n{'bucket':15} {stack.outputs['BucketName']}")
    print_exports(stack)
    return 0 if stack.alive() else 1


def run(arguments: argparse.Namespace) -> int:
    with temporary_stack(arguments.simulator, arguments.parameters) as stack:
        return foreground(arguments.command, isolated_env(stack.endpoint_url) | stack.env())


def execute(arguments: argparse.Namespace) -> int:
    stack = running_stack()
    return foreground(arguments.command, isolated_env(stack.endpoint_url) | stack.env())


def env(_arguments: argparse.Namespace) -> int:
    print("\n".join(exports(running_stack())))
    return 0


def logs(arguments: argparse.Namespace) -> int:
    stack = running_stack()
    client = clients(stack.endpoint_url, "logs")
    for name in [arguments.function] if arguments.function else stack.outputs["FunctionNames"].split(","):
        pages = client.get_paginator("filter_log_events").paginate(logGroupName=f"/aws/lambda/{name}")
        for event in (event for page in pages for event in page["events"]):
            print(event["message"] if arguments.function else f"{name}: {event['message']}")
    return 0


def foreground(command: list[str], env: dict[str, str]) -> int:
    """Runs a command in a group of its own, so that nothing it started outlives it."""
    child = subprocess.Popen(command, env=env, process_group=0, preexec_fn=end_with_parent)
    try:
        code = child.wait()
    finally:
        stop_group(child.pid)
    return code if code >= 0 else 128 - code


def show(arguments: argparse.Namespace) -> int:
    parameters = {"DepartmentsSchedule": "rate(1 minute)"} | arguments.parameters
    if not arguments.keep:
        with temporary_stack(arguments.simulator, parameters) as stack:
            return demo.run(stack.endpoint_url, stack.outputs, stack.simulator)
    down(arguments)
    stack = raise_stack(LOCAL / "up", STACK_FILE, arguments.simulator, parameters, outlive_us=True)
    code = demo.run(stack.endpoint_url, stack.outputs, stack.simulator)
    print_exports(stack)
    return code


def print_exports(stack: Stack) -> None:
    print("\nTo use it from this shell:\n")
    print("\n".join(f"  {line}" for line in exports(stack)))
    print("\nEnd it with `make down`.")


def exports(stack: Stack) -> list[str]:
    lines = [f"export {name}={shlex.quote(value)}" for name, value in stack.env().items() if name != "PATH"]
    return [*lines, f'export PATH={shlex.quote(str(tools()))}:"$PATH"']


def say(began: float, what: str) -> None:
    print(f"[{time.monotonic() - began:5.1f} s] {what}", flush=True)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tickets", type=int, help="tickets in the simulated account")
    parser.add_argument("--seed", type=int, help="another account of the same size")
    parser.add_argument("-p", "--parameter", action="append", default=[], metavar="NAME=VALUE",
                        help="a template parameter; may be repeated")
    actions = {"up": up, "status": status, "down": down, "env": env, "exec": execute, "logs": logs, "run": run, "demo": show}
    verbs = parser.add_subparsers(required=True, metavar=" | ".join(actions))
    verb = {name: verbs.add_parser(name) for name in actions}
    for name, action in actions.items():
        verb[name].set_defaults(action=action)
    for name in ("run", "exec"):
        verb[name].add_argument("command", nargs="+")
    verb["logs"].add_argument("function", nargs="?", default="")
    verb["demo"].add_argument("--keep", action="store_true", help="leave the stack up")
    parsed = parser.parse_args()
    parsed.simulator = [word for option in ("tickets", "seed") if getattr(parsed, option) is not None
                        for word in (f"--{option}", str(getattr(parsed, option)))]
    parsed.parameters = dict(pair.split("=", 1) for pair in parsed.parameter)
    return parsed


def interrupted(signum: int, _frame: object) -> None:
    """A request to end unwinds to the `finally` blocks, which stop what was started; a second one must not cut them short."""
    for sig in ENDINGS:
        signal.signal(sig, signal.SIG_IGN)
    raise SystemExit(128 + signum)


def main() -> int:
    parsed = arguments()
    for sig in ENDINGS:
        signal.signal(sig, interrupted)
    try:
        return parsed.action(parsed)
    except StartFailed as failure:
        print(failure, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
