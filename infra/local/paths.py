"""Where things are in a checkout."""

import os
import sysconfig
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TEMPLATE = ROOT / "infra" / "template.yaml"
BINARIES = ROOT / "target" / "lambda"
DEBUG = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "debug"
SIMULATOR = DEBUG / "zoho-simulator"
REST_SIMULATOR = DEBUG / "rest-simulator"
DESKBRIDGE = DEBUG / "deskbridge"
LOCAL = ROOT / ".local"
STACK_FILE = LOCAL / "stack.json"
LAST_RUN = LOCAL / "last-run"


def tools() -> Path:
    """Where the programs of the project's venv are, `cargo lambda` among them."""
    return Path(sysconfig.get_path("scripts"))


def tool(name: str) -> str:
    path = tools() / name
    if not path.exists():
        raise SystemExit(f"{name} is not installed: run `make setup` and use .venv/bin/python")
    return str(path)
