"""The password-reset chat over HTTP, and what came of it: the ticket, its comments, the mails."""

import base64
import json
import time
import urllib.error
import urllib.request
import uuid
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding

from api_keys import new_key
from deployment import clients
from lifecycle import Stack
from ticketing import http_api

VISITOR = {"id": "visitor_456", "name": "John Doe", "email": "john.doe@company.example", "phone": "555-0134", "language": "en"}
SAYS = ["I forgot my password", "john.doe@company.example", "1234"]
PATIENCE_SECONDS = 120


def play(stack: Stack) -> int:
    """0 if the chat ended with a ticket, its history in comments, and both mails."""
    chat = f"demo-{uuid.uuid4().hex[:12]}"
    print(f"\nA visitor writes (chat {chat}, signed as SalesIQ signs)\n", flush=True)
    for text in SAYS:
        print(f"  visitor: {text}")
        for reply in said_back(stack, chat, text):
            print("  bot:     " + reply.replace("\n", "\n           "), flush=True)
    api = Api(stack)
    ticket = api.until(f"/salesiq/session/{chat}", lambda answer: answer["session"].get("ticket_id"), "a ticket")
    print("\nThe ticket in Zoho Desk (GET /zoho/ticket/{id})\n")
    for key, value in api.get(f"/zoho/ticket/{ticket}")["ticket"].items():
        if value not in (None, "", {}):
            print(f"  {key}: {value}")
    comments = api.until(f"/zoho/ticket/{ticket}/comments", lambda answer: answer["comments"], "its comments")
    print("\nIts comments\n")
    for comment in comments:
        print("  " + ("internal" if comment["is_internal"] else "public") + ": " + comment["comment"].replace("\n", "\n  "))
    print("\nThe mails that were sent\n")
    for mail in mails(stack, about=api.number(ticket)):
        print("  " + mail.replace("\n", "\n  ") + "\n")
    return 0


def said_back(stack: Stack, chat: str, text: str) -> list[str]:
    """One call as a Zobot makes it."""
    visitor = VISITOR | {"active_conversation_id": chat, "channel": "website"}
    body = json.dumps({"handler": "message", "operation": "message", "visitor": visitor, "message": {"text": text},
                       "request": {"id": uuid.uuid4().hex, "conversation_id": chat}}).encode()
    key = serialization.load_pem_private_key(Path(stack.senders.private_key).read_bytes(), password=None)
    signature = base64.b64encode(key.sign(body, padding.PKCS1v15(), hashes.SHA256())).decode()
    answer = call(f"{http_api(stack.endpoint_url, stack.outputs)}/webhook/salesiq", body,
                  {"content-type": "application/json", "x-siqsignature": signature})
    return [reply if isinstance(reply, str) else reply["text"] for reply in answer["replies"]]


class Api:
    """The ticket API, with a key of its own."""

    def __init__(self, stack: Stack) -> None:
        self.origin = http_api(stack.endpoint_url, stack.outputs)
        self.key, item = new_key("demo", ["read", "write"], 1, datetime.now(UTC))
        clients(stack.endpoint_url, "dynamodb").put_item(TableName=stack.outputs["StateTableName"], Item=item)

    def get(self, path: str) -> dict:
        return call(f"{self.origin}{path}", None, {"authorization": f"Bearer {self.key}"})

    def number(self, ticket: str) -> str:
        return self.get(f"/zoho/ticket/{ticket}")["ticket"]["ticketNumber"]

    def until(self, path: str, found, what: str):
        """What `found` finds in the answer, once it does: tickets may be made from a queue."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not (value := found(self.get(path))):
            if time.monotonic() > deadline:
                raise SystemExit(f"GET {path} has not {what} after {PATIENCE_SECONDS} s")
            time.sleep(0.5)
        return value


def mails(stack: Stack, about: str) -> list[str]:
    """The two mails about a ticket, as the local SES keeps them."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        kept = call(f"{stack.endpoint_url}/_ministack/ses/messages", None, {})
        found = [readable(mail) for account in kept["messages"].values() for mail in account]
        found = [mail for mail in found if about in mail]
        if len(found) >= 2:
            return found
        if time.monotonic() > deadline:
            raise SystemExit(f"only {len(found)} of two mails after {PATIENCE_SECONDS} s")
        time.sleep(0.5)


def readable(mail: dict) -> str:
    text = mail["BodyText"].replace("\r\n", "\n").strip()
    return f"To: {', '.join(mail['To'])}\nSubject: {mail['Subject']}\n\n{text}"


def call(url: str, body: bytes | None, headers: dict[str, str]) -> dict:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    request = urllib.request.Request(url, data=body, headers=headers)
    try:
        with opener.open(request, timeout=60) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        raise SystemExit(f"{request.get_method()} {url}: HTTP {error.code}: {error.read().decode()[:400]}") from error
