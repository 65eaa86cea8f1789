"""Runs queries of this folder, or of the command line, with DuckDB on the bucket of an installation.

    run.py BUCKET open-tickets-by-age        a file of this folder
    run.py BUCKET "SELECT count(*) FROM tickets"
    run.py BUCKET --json tickets-per-department-and-week

A query reads the table of a report by the report's name (`-` becomes `_`), and all objects of its runs by `<report>_runs`,
as in Athena. Credentials and region are those of the AWS SDKs; AWS_ENDPOINT_URL names a local AWS.
"""

import argparse
import json
import os
import re
from pathlib import Path
from urllib.parse import urlsplit

import boto3
import duckdb
import duckdb_extension_httpfs

HERE = Path(__file__).parent
REPORTS = {path.name for path in (HERE.parent.parent / "functions").iterdir()} - {"compact", "desk-route"}


def connect() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(":memory:")
    # Times are UTC, as in Athena, whatever the machine's zone.
    connection.execute("SET TimeZone = 'UTC'")
    # From the Python package, so that nothing is downloaded at run time; DuckDB checks its signature.
    extensions = Path(duckdb_extension_httpfs.__file__).parent / "extensions"
    (extension,) = extensions.glob(f"v{duckdb.__version__}/httpfs.duckdb_extension")
    connection.execute(f"LOAD '{quoted(str(extension))}'")
    connection.execute(secret())
    return connection


def secret() -> str:
    session = boto3.Session()
    credentials = session.get_credentials()
    if credentials is None:
        raise SystemExit("no AWS credentials: set AWS_PROFILE or the usual variables")
    frozen = credentials.get_frozen_credentials()
    options = {"KEY_ID": frozen.access_key, "SECRET": frozen.secret_key, "SESSION_TOKEN": frozen.token,
               "REGION": session.region_name or "us-east-1"}
    if endpoint := os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL"):
        parts = urlsplit(endpoint)
        options |= {"ENDPOINT": parts.netloc, "URL_STYLE": "path", "USE_SSL": str(parts.scheme == "https").lower()}
    listed = ", ".join(f"{key} '{quoted(value)}'" for key, value in options.items() if value)
    return f"CREATE SECRET (TYPE s3, {listed})"


def create_views(connection: duckdb.DuckDBPyConnection, bucket: str, query: str) -> None:
    """A view for each table that the query reads, unless the query defines the name itself."""
    for name in sorted(set(re.findall(r"\b(?:from|join)\s+([a-z][a-z_]*)", query, re.IGNORECASE))):
        report = name.removesuffix("_runs").replace("_", "-")
        if report not in REPORTS:
            continue
        if name.endswith("_runs"):
            source = f"""read_json('s3://{quoted(bucket)}/{report}/dt=*/*.json*', union_by_name = true,
                                   hive_partitioning = true, hive_types = {{'dt': VARCHAR}})"""
        else:
            source = f"read_parquet('s3://{quoted(bucket)}/current/{report}/*.parquet')"
        connection.execute(f"CREATE OR REPLACE VIEW {name} AS SELECT * FROM {source}")


def quoted(text: str) -> str:
    return text.replace("'", "''")


def query_of(argument: str) -> str:
    file = HERE / f"{argument}.sql"
    return file.read_text() if re.fullmatch(r"[a-z0-9-]+", argument) and file.is_file() else argument


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bucket")
    parser.add_argument("--json", action="store_true", help="one JSON object a row")
    parser.add_argument("queries", nargs="+", metavar="QUERY")
    arguments = parser.parse_args()
    connection = connect()
    for argument in arguments.queries:
        query = query_of(argument)
        create_views(connection, arguments.bucket, query)
        *before, last = connection.extract_statements(query)
        for statement in before:
            connection.execute(statement)
        result = connection.sql(last.query)
        if arguments.json:
            for row in result.fetchall():
                print(json.dumps(dict(zip(result.columns, row, strict=True)), default=str))
        else:
            print(result)


if __name__ == "__main__":
    main()
