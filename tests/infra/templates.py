"""Reading of synthesized templates: resources by type, intrinsic functions as plain text."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

STACKS = ("storage", "serving", "metering", "training")


class Assembly:
    """What one synthesis wrote."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.templates = {
            stack: json.loads((folder / f"infermeter-{stack}.template.json").read_text())
            for stack in STACKS
        }

    def resources(self, stack: str, kind: str) -> dict[str, dict[str, Any]]:
        """Resources of a type such as "AWS::S3::Bucket", by logical id."""
        every = self.templates[stack]["Resources"]
        return {name: each for name, each in every.items() if each["Type"] == kind}

    def properties(self, stack: str, kind: str, name: str = "") -> dict[str, Any]:
        """Properties of the only resource of this type whose logical id starts with `name`."""
        found = {k: v for k, v in self.resources(stack, kind).items() if k.startswith(name)}
        (only,) = found.values()
        return only["Properties"]

    def statements(self, role: str = "") -> list[tuple[str, list[str], list[str]]]:
        """(role, actions, resources) of each statement of roles whose id starts with `role`."""
        return [
            (name, many(statement["Action"]), [text(each) for each in many(statement["Resource"])])
            for stack in STACKS
            for name, policy in self.resources(stack, "AWS::IAM::Policy").items()
            if name.startswith(role)
            for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        ]

    def states(self) -> dict[str, Any]:
        """The states of the state machine."""
        machine = self.properties("training", "AWS::StepFunctions::StateMachine")
        return json.loads(text(machine["DefinitionString"]))["States"]

    def asset(self, holding: str) -> Path:
        """The folder of the only asset in which this file is."""
        (only,) = {
            file.parents[holding.count("/")] for file in self.folder.glob(f"asset.*/{holding}")
        }
        return only


def many(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def text(value: Any) -> str:
    """A value with intrinsic functions as text; what they refer to in braces."""
    if isinstance(value, str):
        return value
    ((function, argument),) = value.items()
    if function == "Fn::Join":
        return argument[0].join(text(part) for part in argument[1])
    if function == "Fn::Sub":
        return argument
    if function == "Fn::GetAtt":
        return "{" + ".".join(argument) + "}"
    return "{" + argument + "}"
