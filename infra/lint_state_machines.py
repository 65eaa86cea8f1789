"""Checks the state machines as `cfn-lint` checks a template that holds them: it does not follow `DefinitionUri`."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

DEFINITIONS = Path(__file__).parent / "state-machines"
SUBSTITUTIONS = {"Partition": "aws", "FunctionArnPrefix": "arn:aws:lambda:us-east-1:123456789012:function:",
                 "BackfillConcurrency": "2"}


def definition(file: Path) -> dict:
    text = file.read_text()
    for name, value in SUBSTITUTIONS.items():
        text = text.replace(f"${{{name}}}", value)
    return json.loads(text)


def main() -> int:
    role = "arn:aws:iam::123456789012:role/any"
    files = sorted(DEFINITIONS.glob("*.asl.json"))
    resources = {f"Machine{number}": {"Type": "AWS::StepFunctions::StateMachine",
                                      "Properties": {"RoleArn": role, "Definition": definition(file)}}
                 for number, file in enumerate(files)}
    with tempfile.NamedTemporaryFile("w", suffix=".json") as template:
        json.dump({"Resources": resources}, template, indent=2)
        template.flush()
        return subprocess.run(["cfn-lint", template.name], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
