"""Child processes that are certain to end, each leading a process group of its own."""

import ctypes
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

STOP_SECONDS = 5
READY_SECONDS = 60


class StartFailed(Exception):
    """A service ended or stayed silent while it was being waited for."""


@dataclass(frozen=True)
class Service:
    """A running process group, described well enough to find it again from another process."""

    name: str
    pid: int
    born: str
    log: str

    def alive(self) -> bool:
        return birth(self.pid) == self.born

    def stop(self) -> None:
        """Ends the whole group: politely, then by force. A reused process id is left alone."""
        if not self.alive():
            return
        stop_group(self.pid)


def start(name: str, argv: list[str], env: dict[str, str], log: Path, *, outlive_us: bool,
          **popen: object) -> tuple[subprocess.Popen, Service]:
    """Starts a service writing to `log`. Unless `outlive_us`, it is told to end when we die, even by SIGKILL."""
    with log.open("ab") as sink:
        popen.setdefault("stdout", sink)
        child = subprocess.Popen(argv, env=env, stdin=subprocess.DEVNULL, stderr=sink, start_new_session=True,
                                 preexec_fn=None if outlive_us else end_with_parent, **popen)
    return child, Service(name, child.pid, birth(child.pid), str(log))


def wait_until(ready: Callable[[], bool], child: subprocess.Popen, what: str, log: Path, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if child.poll() is not None:
            raise StartFailed(f"{what} ended with code {child.returncode}; see {log}\n{tail(log)}")
        if ready():
            return
        time.sleep(0.1)
    raise StartFailed(f"{what} was not ready after {seconds:.0f} s; see {log}\n{tail(log)}")


def first_line(child: subprocess.Popen, name: str, log: Path) -> bytes:
    """What a simulator prints when it listens. Later output has no reader, so the pipe is closed."""
    assert child.stdout is not None
    deadline = time.monotonic() + READY_SECONDS
    with child.stdout as out:
        if not select.select([out], [], [], deadline - time.monotonic())[0]:
            raise StartFailed(f"{name} was silent for {READY_SECONDS} s; see {log}\n{tail(log)}")
        line = out.readline()
    if not line:
        raise StartFailed(f"{name} ended before it was ready; see {log}\n{tail(log)}")
    return line


def stop_group(leader: int) -> None:
    for sig, patience in ((signal.SIGTERM, STOP_SECONDS), (signal.SIGKILL, STOP_SECONDS)):
        _signal(leader, sig)
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            _reap(leader)
            if not _signal(leader, 0):
                return
            time.sleep(0.05)


def free_port() -> int:
    """A loopback port that is free now. Somebody may take it first: callers retry."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def birth(pid: int) -> str:
    """When a process started, '' when there is none. Together with the id it names one process for good."""
    if Path("/proc/self/stat").exists():
        try:
            state, *fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return ""
        return "" if state == "Z" else fields[18]
    listing = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return listing.stdout.strip()


def tail(log: Path, lines: int = 20) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:]) if log.exists() else ""


def end_with_parent() -> None:
    """For `preexec_fn`: where the system can, the child is told when we die without a chance to end it ourselves."""
    if sys.platform == "linux":
        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGTERM)


def _signal(leader: int, sig: int) -> bool:
    """Whether the group had anybody to receive it. macOS refuses to signal a group of zombies."""
    try:
        os.killpg(leader, sig)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def _reap(pid: int) -> None:
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        pass
