"""Keys of the ticket API and of the integrations hub, as crates/state reads them."""

import base64
import hashlib
import secrets
from datetime import datetime, timedelta

# An expired key stays known for so long, for its owner to be told why it does not work.
KEPT = timedelta(days=30)


def new_key(name: str, scopes: list[str], days: int | None, now: datetime, tenant: str | None = None) -> tuple[str, dict]:
    """The key, and the item that crates/state reads it by. With a tenant it opens its integrations only, else the ticket API only."""
    ident = secrets.token_hex(6)
    secret = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode().rstrip("=")
    until = now + timedelta(days=days) if days else None
    item = {
        "pk": {"S": f"KEY#{ident}"},
        "sk": {"S": "KEY"},
        "version": {"N": "1"},
        "lpk": {"S": "KEYS"},
        "lsk": {"S": f"{moment(now)}#{ident}"},
        "id": {"S": ident},
        "name": {"S": name},
        "grant": {"M": grant(scopes, tenant)},
        "sha256": {"S": hashlib.sha256(secret.encode()).hexdigest()},
        "created_at": {"S": moment(now)},
        "valid_until": {"S": moment(until)} if until else {"NULL": True},
        "revoked_at": {"NULL": True},
    }
    if until:
        item["expires_at"] = {"N": str(int((until + KEPT).timestamp()))}
    return f"dbk_{ident}_{secret}", item


def grant(scopes: list[str], tenant: str | None) -> dict:
    granted = {"L": [{"S": scope} for scope in scopes]}
    if tenant is None:
        return {"service": granted}
    return {"tenant": {"M": {"tenant": {"S": tenant}, "scopes": granted}}}


def moment(time: datetime) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S.") + f"{time.microsecond // 1000:03}Z"
