"""The local stack: a simulated Zoho account, and the real template deployed on a local AWS.

    stack.py up              start it, deploy, leave it running; again: deploy what was rebuilt since
    stack.py status          what runs where
    stack.py down            end it
    stack.py env             the shell lines that point an AWS client at it
    stack.py exec -- CMD ... CMD against the stack that is up
    stack.py logs [NAME]     what its functions logged
    stack.py run -- CMD ...  a stack for CMD alone, gone when CMD ends; exits as CMD did
    stack.py demo [--keep]   every report pulled, checked row for row and listed; then a chat that ends with a ticket

Everything it writes is under .local/. The command of `run` and `exec` finds its stack through AWS_ENDPOINT_URL and
DESKBRIDGE_STACK, the path of a JSON file with what is known about the stack.
"""

import argparse
import os
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import chat_demo
import demo
import hub_demo
from emulator import isolated_env
from lifecycle import Stack, function_log, raise_stack, temporary_stack
from paths import LOCAL, STACK_FILE, tools
from processes import StartFailed, end_with_parent, stop_group

ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def up(arguments: argparse.Namespace) -> int:
    stack = Stack.load(STACK_FILE)
    if stack and stack.alive():
        stack.redeploy(arguments.parameters)
        print("the stack was up; deployed what changed")
    else:
        if stack:
            stack.end()
        shutil.rmtree(LOCAL / "up", ignore_errors=True)
        stack = raise_stack(LOCAL / "up", STACK_FILE, arguments.simulator, arguments.parameters, outlive_us=True)
    print_exports(stack)
    return 0


def down(_arguments: argparse.Namespace) -> int:
    stack = Stack.load(STACK_FILE)
    if not stack:
        print("no stack is up")
        return 0
    stack.end()
    STACK_FILE.unlink()
    shutil.rmtree(LOCAL / "up", ignore_errors=True)
    print("stack is down")
    return 0


def running_stack() -> Stack:
    """The stack of the command that `run` or `exec` started us for, or else the one that is up."""
    stack = Stack.load(Path(os.environ.get("DESKBRIDGE_STACK", STACK_FILE)))
    if not stack or not stack.alive():
        raise SystemExit("no stack is up; start one with `make up`")
    return stack


def status(_arguments: argparse.Namespace) -> int:
    stack = Stack.load(STACK_FILE)
    if not stack:
        print("no stack is up; start one with `make up`")
        return 1
    for service in stack.services:
        state = "running" if service.alive() else "ENDED"
        print(f"{service.name:15} pid {service.pid:<8} {state:8} log {service.log}")
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
    for function in [arguments.function] if arguments.function else stack.functions():
        for line in function_log(stack, function):
            print(line if arguments.function else f"{function}: {line}")
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
            return demonstrate(stack)
    down(arguments)
    stack = raise_stack(LOCAL / "up", STACK_FILE, arguments.simulator, parameters, outlive_us=True)
    code = demonstrate(stack)
    print_exports(stack)
    return code


def demonstrate(stack: Stack) -> int:
    reports = demo.run(stack.endpoint_url, stack.outputs, stack.simulator)
    return reports or chat_demo.play(stack) or hub_demo.play(stack)


def print_exports(stack: Stack) -> None:
    print("\nTo use it from this shell:\n")
    print("\n".join(f"  {line}" for line in exports(stack)))
    print("\nEnd it with `make down`.")


def exports(stack: Stack) -> list[str]:
    lines = [f"export {name}={shlex.quote(value)}" for name, value in stack.env().items() if name != "PATH"]
    return [*lines, f'export PATH={shlex.quote(str(tools()))}:"$PATH"']


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tickets", type=int, help="tickets in the simulated account")
    parser.add_argument("--seed", type=int, help="another account of the same size")
    parser.add_argument("-p", "--parameter", action="append", default=[], metavar="NAME=VALUE",
                        help="a template parameter; may be repeated")
    actions = {"up": up, "status": status, "down": down, "env": env, "exec": execute, "logs": logs,
               "run": run, "demo": show}
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
    """Unwinds to the `finally` blocks, which stop what was started; a second request must not cut them short."""
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
    except BrokenPipeError:
        # Whoever read our output has seen enough; the interpreter must not complain again when it flushes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


if __name__ == "__main__":
    sys.exit(main())
