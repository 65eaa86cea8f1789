"""The installation that a command works on: the local stack while it is up, else what `make deploy` deployed."""

import os
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from deployment import clients
from lifecycle import Stack
from paths import ROOT, STACK_FILE
from ticketing import http_api

SAMCONFIG = ROOT / "samconfig.local.toml"


@dataclass(frozen=True)
class Installation:
    """`client` makes a boto3 client of a service; `where` tells people which installation it is; `http_api` is the origin of its HTTP
    API, empty if it has none."""

    where: str
    local: bool
    outputs: dict[str, str]
    client: Callable
    http_api: str


def find() -> Installation:
    stack = Stack.load(Path(os.environ.get("DESKBRIDGE_STACK", STACK_FILE)))
    if stack and stack.alive():
        return Installation(f"on the local stack at {stack.endpoint_url}", True, stack.outputs,
                            lambda service: clients(stack.endpoint_url, service),
                            http_api(stack.endpoint_url, stack.outputs))
    return _deployed(_settings())


def _settings() -> dict[str, str]:
    """What `sam deploy` saved. It spreads them over `global` and `deploy`, by its version."""
    try:
        saved = tomllib.loads(SAMCONFIG.read_text()).get("default", {})
    except FileNotFoundError:
        saved = {}
    settings: dict[str, str] = {}
    for command in ("global", "deploy"):
        settings |= saved.get(command, {}).get("parameters", {})
    if "stack_name" not in settings:
        raise SystemExit(f"no local stack is up, and {SAMCONFIG.name} names no deployed one: run `make up` or `make deploy`")
    return settings


def _deployed(settings: dict[str, str]) -> Installation:
    name = settings["stack_name"]
    try:
        session = boto3.Session(region_name=settings.get("region"), profile_name=settings.get("profile"))
        stack = session.client("cloudformation").describe_stacks(StackName=name)["Stacks"][0]
    except (BotoCoreError, ClientError) as error:
        raise SystemExit(f"stack {name} of {SAMCONFIG.name} cannot be read: {error}") from error
    _, _, _, region, account, _ = stack["StackId"].split(":", 5)
    outputs = {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}
    patient = Config(retries={"mode": "standard", "max_attempts": 10})
    return Installation(f"in AWS account {account}, {region}, stack {name}", False, outputs,
                        lambda service: session.client(service, config=patient), outputs.get("HttpApiUrl", ""))
