"""MiniStack: the AWS that functions are deployed to, with IAM enforcement on."""

import os
import urllib.error
import urllib.request
from pathlib import Path

from paths import tool
from processes import Service, StartFailed, free_port, start, wait_until

REGION = "us-east-1"
ACCOUNT_ID = "000000000000"
# MiniStack's root caller. Functions get short-lived credentials of their own role instead.
ROOT_KEY = "test"
ATTEMPTS = 5


def start_emulator(data: Path, *, outlive_us: bool) -> tuple[Service, str]:
    """The service and its endpoint URL."""
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return _start_on(free_port(), data, outlive_us=outlive_us)
        except StartFailed as failure:
            if attempt == ATTEMPTS or "already in use" not in str(failure):
                raise
    raise AssertionError("unreachable")


def client_env(endpoint: str) -> dict[str, str]:
    """What an AWS client needs in its environment to talk to the emulator and to nothing else."""
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": ROOT_KEY,
        "AWS_SECRET_ACCESS_KEY": ROOT_KEY,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
    }


def isolated_env(endpoint: str) -> dict[str, str]:
    """Our environment with the user's own AWS profile and proxies taken out of the way."""
    hidden = {"AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE"}
    env = {key: value for key, value in os.environ.items() if key not in hidden}
    env |= {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true", "NO_PROXY": "127.0.0.1,localhost", "no_proxy": "127.0.0.1,localhost"}
    return env | client_env(endpoint)


def _start_on(port: int, data: Path, *, outlive_us: bool) -> tuple[Service, str]:
    endpoint = f"http://127.0.0.1:{port}"
    temporary = data / "tmp"
    temporary.mkdir(parents=True, exist_ok=True)
    # A small environment, because MiniStack hands its own to every function.
    env = client_env(endpoint) | {
        "AUTH": "true",
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "MINISTACK_REGION": REGION,
        "HOME": str(data),
        "TMPDIR": str(temporary),
        "STATE_DIR": str(data / "state"),
        "S3_DATA_DIR": str(data / "s3"),
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "PATH": os.environ["PATH"],
    }
    log = data / "ministack.log"
    child, service = start("ministack", [tool("ministack")], env, log, outlive_us=outlive_us)
    try:
        wait_until(lambda: _healthy(endpoint), child, "MiniStack", log, seconds=60)
    except BaseException:
        service.stop()
        raise
    return service, endpoint


def _healthy(endpoint: str) -> bool:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"{endpoint}/_ministack/health", timeout=2) as answer:
            return answer.status == 200
    except (urllib.error.URLError, OSError):
        return False
