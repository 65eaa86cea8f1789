"""What the ticket functions need beside the template: keys for SalesIQ's requests, and the ticket settings."""

import base64
import json
import secrets
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from deployment import SALESIQ_SECRET_ID, clients, store
from paths import ROOT
from simulator import Simulator

SENDER = "support@deskbridge.example"
SUPPORT = "support-team@deskbridge.example"
APPROVER = "approvals@deskbridge.example"
SETTINGS_KEY = "_config/ticketing.json"
EXAMPLE = ROOT / "config" / "ticketing.json"


@dataclass(frozen=True)
class Senders:
    """How a caller of the webhook proves who it is. `private_key` is the path of SalesIQ's."""

    private_key: str
    shared_secret: str
    signing_secret: str


def store_keys(endpoint: str, data: Path) -> Senders:
    """Makes the keys that SalesIQ and its adapters have, and stores what their requests are checked with."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    file = data / "salesiq-key.pem"
    file.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                       serialization.NoEncryption()))
    file.chmod(0o600)
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    senders = Senders(str(file), secrets.token_urlsafe(32), "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode())
    store(endpoint, SALESIQ_SECRET_ID, json.dumps({"public_keys": [public.decode()],
                                                   "shared_secrets": [senders.shared_secret],
                                                   "signing_secrets": [senders.signing_secret]}))
    return senders


def store_settings(endpoint: str, outputs: dict[str, str], simulator: Simulator) -> None:
    """The ticket settings of the simulated account, unless somebody put their own."""
    objects = clients(endpoint, "s3")
    if objects.list_objects_v2(Bucket=outputs["BucketName"], Prefix=SETTINGS_KEY)["KeyCount"]:
        return
    settings = json.loads(EXAMPLE.read_text()) | {
        "department_id": simulator.first_id("departments"),
        "from_email": f"Deskbridge Support <{SENDER}>",
        "support_email": [SUPPORT],
        "poc_email": APPROVER,
        "public_url": http_api(endpoint, outputs),
    }
    objects.put_object(Bucket=outputs["BucketName"], Key=SETTINGS_KEY, Body=json.dumps(settings, indent=2).encode(),
                       ContentType="application/json")


def http_api(endpoint: str, outputs: dict[str, str]) -> str:
    """Where the local AWS answers for the HTTP API: without the host name of its own that AWS gives it."""
    return f"{endpoint}/_aws/execute-api/{outputs['HttpApiId']}"


def verify_sender(endpoint: str) -> None:
    """SES sends only in the name of addresses that their owner confirmed."""
    clients(endpoint, "sesv2").create_email_identity(EmailIdentity=SENDER)
