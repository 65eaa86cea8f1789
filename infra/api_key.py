"""Issues a key of the ticket API, or with a tenant a key of that tenant's integrations.

    api_key.py --name ops --scopes read,write,admin [--days 90] [--tenant acme]

Prints the key, which nobody can read again: the table holds its digest. Whoever has a key of scope admin can issue more with
`POST /admin/keys`; keys of tenants are issued here only.
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
        raise SystemExit(f"the installation {found.where} has no table of keys: deploy it with ChatTickets=on or IntegrationsHub=on")
    key, item = new_key(arguments.name, arguments.scopes, arguments.days, datetime.now(UTC), arguments.tenant)
    try:
        found.client("dynamodb").put_item(TableName=table, Item=item, ConditionExpression="attribute_not_exists(pk)")
    except (BotoCoreError, ClientError) as error:
        raise SystemExit(str(error)) from error
    of_tenant = f" of tenant {arguments.tenant}" if arguments.tenant else ""
    print(f"key {item['id']['S']} for {arguments.name}{of_tenant} ({', '.join(arguments.scopes)}) {found.where}", file=sys.stderr)
    print(key)
    return 0


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--name", required=True, help="whom the key is for; the audit trail names it")
    parser.add_argument("--scopes", default="read", help="comma separated: read, write, admin")
    parser.add_argument("--days", type=int, help="how long it works; until it is revoked if absent")
    parser.add_argument("--tenant", help="whose integrations it opens, and nothing else; the ticket API and nothing else if absent")
    parsed = parser.parse_args()
    parsed.scopes = parsed.scopes.split(",")
    if unknown := [scope for scope in parsed.scopes if scope not in SCOPES]:
        raise SystemExit(f"SCOPES: {', '.join(unknown)} is no scope; there are {', '.join(SCOPES)}")
    if not re.fullmatch(r"[A-Za-z0-9 _.-]{1,60}", parsed.name):
        raise SystemExit("NAME: 1 to 60 letters, digits, spaces, dots, dashes")
    if parsed.tenant is not None and not re.fullmatch(r"[a-z][a-z0-9-]{0,31}", parsed.tenant):
        raise SystemExit("TENANT: 1 to 32 characters of a-z, 0-9 and -, a letter first")
    return parsed


if __name__ == "__main__":
    sys.exit(main())
