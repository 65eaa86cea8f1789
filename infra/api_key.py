"""Issues a key of the ticket API.

    api_key.py --name ops --scopes read,write,admin [--days 90]

Prints the key, which nobody can read again: the table holds its digest. Whoever has a key of scope admin can issue more with
`POST /admin/keys`.
"""

import argparse
import re
import sys
from datetime import UTC, datetime

from botocore.exceptions import BotoCoreError, ClientError

import installation
from api_keys import new_key

SCOPES = ("read", "write", "admin")


def main() -> int:
    arguments = parse()
    found = installation.find()
    table = found.outputs.get("StateTableName")
    if not table:
        raise SystemExit(f"the installation {found.where} has no ticket API: deploy it with ChatTickets=on")
    key, item = new_key(arguments.name, arguments.scopes, arguments.days, datetime.now(UTC))
    try:
        found.client("dynamodb").put_item(TableName=table, Item=item, ConditionExpression="attribute_not_exists(pk)")
    except (BotoCoreError, ClientError) as error:
        raise SystemExit(str(error)) from error
    print(f"key {item['id']['S']} for {arguments.name} ({', '.join(arguments.scopes)}) {found.where}", file=sys.stderr)
    print(key)
    return 0


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--name", required=True, help="whom the key is for; the audit trail names it")
    parser.add_argument("--scopes", default="read", help="comma separated: read, write, admin")
    parser.add_argument("--days", type=int, help="how long it works; until it is revoked if absent")
    parsed = parser.parse_args()
    parsed.scopes = parsed.scopes.split(",")
    if unknown := [scope for scope in parsed.scopes if scope not in SCOPES]:
        raise SystemExit(f"SCOPES: {', '.join(unknown)} is no scope; there are {', '.join(SCOPES)}")
    if not re.fullmatch(r"[A-Za-z0-9 _.-]{1,60}", parsed.name):
        raise SystemExit("NAME: 1 to 60 letters, digits, spaces, dots, dashes")
    return parsed


if __name__ == "__main__":
    sys.exit(main())
