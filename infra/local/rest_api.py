"""rest-simulator: an API of no vendor, for custom integrations to read."""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from paths import REST_SIMULATOR
from processes import Service, first_line, start


@dataclass(frozen=True)
class RestApi:
    """Where it answers, and the token that opens the part of it that needs one."""

    origin: str
    token: str

    def address(self) -> str:
        return urlsplit(self.origin).netloc


def start_rest_api(data: Path, *, outlive_us: bool) -> tuple[Service, RestApi]:
    if not REST_SIMULATOR.exists():
        raise SystemExit(f"{REST_SIMULATOR} is missing: run `make build`")
    log = data / "rest-simulator.log"
    child, service = start("rest-simulator", [str(REST_SIMULATOR)], {}, log, outlive_us=outlive_us,
                           stdout=subprocess.PIPE)
    try:
        said = json.loads(first_line(child, "rest-simulator", log))
        return service, RestApi(**{field: said[field] for field in RestApi.__dataclass_fields__})
    except BaseException:
        service.stop()
        raise
