"""A stack's life: started and deployed, described by a file, ended with everything it started."""

import contextlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from databases import Database, missing, remove_data, start_databases
from deployment import SECRET_ID, STACK_NAME, clients, deploy, local_parameters, store
from emulator import ACCOUNT_ID, REGION, client_env, start_emulator
from paths import LAST_RUN, LOCAL, tools
from processes import Service
from rest_api import RestApi, start_rest_api
from simulator import Simulator, start_simulator
from ticketing import Senders, http_api, store_keys, store_settings, verify_sender


@dataclass(frozen=True)
class Stack:
    """A running stack, as its file on disk describes it."""

    file: Path
    data: Path
    endpoint_url: str
    simulator: Simulator
    rest_api: RestApi
    databases: list[Database]
    senders: Senders
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
            "functions": self.functions(),
            "outputs": self.outputs,
            "http_api": http_api(self.endpoint_url, self.outputs),
            "simulator": asdict(self.simulator),
            "rest_api": asdict(self.rest_api),
            "databases": {database.kind: asdict(database) for database in self.databases},
            "senders": asdict(self.senders),
            "services": [asdict(service) for service in self.services],
        }
        self.file.write_text(json.dumps(known, indent=2) + "\n")

    @classmethod
    def load(cls, file: Path) -> "Stack | None":
        try:
            known = json.loads(file.read_text())
        except FileNotFoundError:
            return None
        return cls(file, Path(known["data"]), known["endpoint_url"], Simulator(**known["simulator"]),
                   RestApi(**known["rest_api"]), [Database(**database) for database in known["databases"].values()],
                   Senders(**known["senders"]), known["outputs"], [Service(**service) for service in known["services"]])

    def functions(self) -> list[str]:
        lists = ("FunctionNames", "TicketFunctionNames", "HubFunctionNames")
        return [name for output in lists for name in self.outputs[output].split(",")]

    def parameters(self) -> dict[str, str]:
        return local_parameters(self.simulator.origin, private_addresses(self.rest_api, self.databases))

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

    def end(self) -> None:
        stop_all(self.services)
        remove_data(self.databases)

    def redeploy(self, parameters: dict[str, str]) -> "Stack":
        outputs = deploy(self.endpoint_url, self.data, self.parameters() | parameters)
        fresh = replace(self, outputs=outputs)
        fresh.save()
        return fresh


def raise_stack(data: Path, file: Path, simulator_options: list[str], parameters: dict[str, str], *,
                outlive_us: bool) -> Stack:
    """Starts and deploys everything, or leaves nothing behind."""
    data.mkdir(parents=True, exist_ok=True)
    services: list[Service] = []
    databases: list[Database] = []
    began = time.monotonic()
    try:
        service, simulator = start_simulator(data, simulator_options, outlive_us=outlive_us)
        services.append(service)
        say(began, f"Zoho simulator at {simulator.origin}")
        service, rest_api = start_rest_api(data, outlive_us=outlive_us)
        services.append(service)
        servers, databases = start_databases(data, outlive_us=outlive_us)
        services.extend(servers)
        absent = missing()
        say(began, f"REST API at {rest_api.origin}; databases: "
                   f"{', '.join(f'{found.kind} at {found.address()}' for found in databases) or 'none'}"
                   + (f" (to have them all: apt-get install {' '.join(absent)})" if absent else ""))
        service, endpoint = start_emulator(data, outlive_us=outlive_us)
        services.append(service)
        say(began, f"local AWS at {endpoint}, IAM enforced")
        store(endpoint, SECRET_ID, simulator.secret())
        senders = store_keys(endpoint, data)
        verify_sender(endpoint)
        say(began, "secrets stored; deploying infra/template.yaml with sam deploy")
        outputs = deploy(endpoint, data, local_parameters(simulator.origin, private_addresses(rest_api, databases)) | parameters)
        store_settings(endpoint, outputs, simulator)
        stack = Stack(file, data, endpoint, simulator, rest_api, databases, senders, outputs, services)
        say(began, f"{len(stack.functions())} functions deployed")
        stack.save()
    except BaseException:
        stop_all(services)
        remove_data(databases)
        raise
    return stack


def private_addresses(rest_api: RestApi, databases: list[Database]) -> str:
    """What integrations may call although it is on this machine: nothing but these."""
    return ", ".join([rest_api.address(), *(database.address() for database in databases)])


@contextlib.contextmanager
def temporary_stack(simulator_options: list[str], parameters: dict[str, str]) -> Iterator[Stack]:
    """A stack of one's own, beside any other on this machine."""
    LOCAL.mkdir(exist_ok=True)
    remove_abandoned()
    data = Path(tempfile.mkdtemp(prefix="run-", dir=LOCAL))
    stack = None
    try:
        stack = raise_stack(data, data / "stack.json", simulator_options, parameters, outlive_us=False)
        yield stack
    finally:
        if stack:
            save_function_logs(stack)
            stack.end()
        keep_logs(data)
        shutil.rmtree(data, ignore_errors=True)


def remove_abandoned() -> None:
    """A run that was killed by force could not clear its directory, which holds a copy of every function."""
    for file in LOCAL.glob("run-*/stack.json"):
        stack = Stack.load(file)
        if stack and not any(service.alive() for service in stack.services):
            remove_data(stack.databases)
            shutil.rmtree(stack.data, ignore_errors=True)


def save_function_logs(stack: Stack) -> None:
    """The emulator keeps logs in memory only. Nothing that goes wrong here may keep the stack from ending."""
    with contextlib.suppress(BotoCoreError, ClientError), (stack.data / "functions.log").open("w") as out:
        for function in stack.functions():
            out.writelines(f"{function}: {line}\n" for line in function_log(stack, function))


def keep_logs(data: Path) -> None:
    """The last temporary stack's logs, for whoever wants to know why it failed."""
    LAST_RUN.mkdir(exist_ok=True)
    for log in data.glob("*.log"):
        os.replace(log, LAST_RUN / log.name)
    print(f"logs are in {LAST_RUN}")


def stop_all(services: list[Service]) -> None:
    for service in reversed(services):
        service.stop()


def function_log(stack: Stack, function: str) -> Iterator[str]:
    pages = clients(stack.endpoint_url, "logs").get_paginator("filter_log_events")
    for page in pages.paginate(logGroupName=f"/aws/lambda/{function}"):
        yield from (event["message"] for event in page["events"])


def say(began: float, what: str) -> None:
    print(f"[{time.monotonic() - began:5.1f} s] {what}", flush=True)
