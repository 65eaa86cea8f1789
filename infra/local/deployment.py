"""`sam deploy` of the real template onto the emulator."""

import platform
import subprocess
from pathlib import Path

import boto3
import botocore.session
from botocore.config import Config

from emulator import REGION, client_env, isolated_env
from paths import BINARIES, ROOT, TEMPLATE, tool
from processes import tail

STACK_NAME = "deskbridge"
SECRET_ID = "zoho_auth"
SALESIQ_SECRET_ID = "salesiq_webhook"
# botocore's way to say: neither a config file nor a profile from the environment.
NO_PROFILE = {"config_file": (None, None, None, None), "profile": (None, None, None, None)}


def clients(endpoint: str, service: str, **config: object):
    """A boto3 client for the emulator, whatever AWS profile the user has."""
    env = client_env(endpoint)
    session = boto3.Session(aws_access_key_id=env["AWS_ACCESS_KEY_ID"],
                            aws_secret_access_key=env["AWS_SECRET_ACCESS_KEY"], region_name=REGION,
                            botocore_session=botocore.session.Session(session_vars=NO_PROFILE))
    return session.client(service, endpoint_url=endpoint,
                          config=Config(proxies={}, s3={"addressing_style": "path"}, **config))


def deploy(endpoint: str, data: Path, parameters: dict[str, str]) -> dict[str, str]:
    """The stack's outputs. Code that did not change is not uploaded again."""
    if not any(BINARIES.glob("*/bootstrap")):
        raise SystemExit(f"no functions in {BINARIES}: run `make build`")
    command = [tool("sam"), "deploy", "--template-file", str(TEMPLATE), "--stack-name", STACK_NAME,
               "--region", REGION, "--resolve-s3", "--capabilities", "CAPABILITY_IAM",
               "--no-confirm-changeset", "--no-fail-on-empty-changeset", "--no-progressbar",
               "--parameter-overrides", *(f'{key}="{value}"' for key, value in parameters.items())]
    env = isolated_env(endpoint) | {"SAM_CLI_TELEMETRY": "0", "__SAM_CLI_APP_DIR": str(data / "sam")}
    (data / "sam").mkdir(parents=True, exist_ok=True)
    log = data / "deploy.log"
    with log.open("ab") as sink:
        code = subprocess.run(command, cwd=ROOT, env=env, stdin=subprocess.DEVNULL, stdout=sink, stderr=sink,
                              check=False).returncode
    if code != 0:
        raise SystemExit(f"sam deploy failed; see {log}\n{tail(log, 40)}")
    stack = clients(endpoint, "cloudformation").describe_stacks(StackName=STACK_NAME)["Stacks"][0]
    return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}


def local_parameters(origin: str, private_addresses: str) -> dict[str, str]:
    architecture = {"aarch64": "arm64", "arm64": "arm64"}.get(platform.machine(), "x86_64")
    return {"Stage": "local", "Architecture": architecture, "ZohoAccountsUrl": origin, "ZohoDeskUrl": origin,
            "ChatTickets": "on", "MailTransport": "ses", "IntegrationsHub": "on",
            "AllowedPrivateAddresses": private_addresses}


def store(endpoint: str, name: str, value: str) -> None:
    """Puts a secret."""
    secrets = clients(endpoint, "secretsmanager")
    try:
        secrets.create_secret(Name=name, SecretString=value)
    except secrets.exceptions.ResourceExistsException:
        secrets.put_secret_value(SecretId=name, SecretString=value)
