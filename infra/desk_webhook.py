"""Tells Zoho Desk where to send its events: creates or changes the webhook named Deskbridge.

    desk_webhook.py [--url https://support.example.com/webhook/desk] [--remove]

It is the function `desk-events` that talks to Zoho, with the account's secret: its OAuth scopes must cover Desk.webhooks.ALL.
"""

import argparse
import json
import sys

from botocore.exceptions import BotoCoreError, ClientError

import installation
from installation import Installation

PATH = "/webhook/desk"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", help="where events go; the installation's own address if absent")
    parser.add_argument("--remove", action="store_true", help="tell Zoho Desk to send no more")
    arguments = parser.parse_args()
    found = installation.find()
    function = next((name for name in found.outputs.get("TicketFunctionNames", "").split(",")
                     if name.endswith("desk-events")), None)
    if not function:
        raise SystemExit(f"the installation {found.where} takes in no webhooks: deploy it with ChatTickets=on")
    request = {"unregister": {}} if arguments.remove else {"register": {"url": arguments.url or address(found)}}
    try:
        answer = found.client("lambda").invoke(FunctionName=function, Payload=json.dumps(request))
    except (BotoCoreError, ClientError) as error:
        raise SystemExit(str(error)) from error
    result = json.load(answer["Payload"])
    if "FunctionError" in answer:
        raise SystemExit(f"{result.get('errorType')}: {result.get('errorMessage')}")
    print(json.dumps(result, indent=2))
    return 0


def address(found: Installation) -> str:
    return f"{found.http_api}{PATH}"


if __name__ == "__main__":
    sys.exit(main())
