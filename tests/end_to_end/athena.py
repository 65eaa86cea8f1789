"""athena.py DATABASE BUCKET QUERY: prints the rows of a query in Athena as one JSON array of objects."""

import json
import sys
import time

import boto3

DATABASE, BUCKET, QUERY = sys.argv[1:]


def main() -> None:
    athena = boto3.client("athena")
    started = athena.start_query_execution(
        QueryString=QUERY, QueryExecutionContext={"Database": DATABASE},
        # In a bucket of its own: results are no reports.
        ResultConfiguration={"OutputLocation": f"s3://{results_bucket()}/"})
    query = started["QueryExecutionId"]
    while True:
        status = athena.get_query_execution(QueryExecutionId=query)["QueryExecution"]["Status"]
        if status["State"] not in ("QUEUED", "RUNNING"):
            break
        time.sleep(0.2)
    if status["State"] != "SUCCEEDED":
        raise SystemExit(f"{status['State']}: {status.get('StateChangeReason')}")
    header, *rows = athena.get_query_results(QueryExecutionId=query)["ResultSet"]["Rows"]
    names = [cell.get("VarCharValue") for cell in header["Data"]]
    print(json.dumps([dict(zip(names, (cell.get("VarCharValue") for cell in row["Data"]), strict=True)) for row in rows]))


def results_bucket() -> str:
    name = f"{BUCKET}-athena"
    s3 = boto3.client("s3")
    if name not in {bucket["Name"] for bucket in s3.list_buckets()["Buckets"]}:
        s3.create_bucket(Bucket=name)
    return name


main()
