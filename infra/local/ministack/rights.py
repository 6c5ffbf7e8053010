"""IAM: functions have the rights of their roles and no others, as on AWS.

MiniStack checks each signed request against the policies of who signed it when its environment
has `AUTH=true`; the account's own key may do everything.
"""
# ruff: noqa: SLF001 - private names are this package's subject

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from ministack import app
from ministack.core import iam_actions, iam_evaluator
from ministack.services import secretsmanager
from ministack.services.cloudformation import provisioners

if TYPE_CHECKING:
    from collections.abc import Mapping

_SECRET = "AWS::SecretsManager::Secret"  # noqa: S105 - a type's name


def check_rights() -> None:
    """Let policies hold as they do on AWS: requests come over TLS, a secret's `Ref` is its ARN, a
    log group's ARN ends in `:*`."""
    _come_over_tls()
    _name_log_groups()
    _refer_to_secrets_by_arn()


def _come_over_tls() -> None:
    def pin_origin(source_ip: str, secure_transport: bool) -> None:  # noqa: ARG001
        iam_evaluator.pin_request_origin(source_ip, secure_transport=True)

    app.pin_request_origin = pin_origin


def _name_log_groups() -> None:
    extract = iam_actions.extract_resource_arn

    @functools.wraps(extract)
    def extract_as_policies_name_it(service: str, *args: Any, **kwargs: Any) -> str:
        arn: str = extract(service, *args, **kwargs)
        bare = (
            service == "logs" and arn.count(":") == 6
        )  # arn:aws:logs:<region>:<account>:log-group:<name>
        return f"{arn}:*" if bare else arn

    iam_actions.extract_resource_arn = extract_as_policies_name_it


def _refer_to_secrets_by_arn() -> None:
    handlers = provisioners._RESOURCE_HANDLERS[_SECRET]
    create, update, delete = (handlers[step] for step in ("create", "update", "delete"))

    @functools.wraps(create)
    def create_by_arn(logical_id: str, properties: Mapping[str, Any], stack_name: str) -> Any:
        _, attributes = create(logical_id, properties, stack_name)
        return attributes["Arn"], attributes

    @functools.wraps(update)
    def update_by_arn(physical_id: str, *args: Any, **kwargs: Any) -> Any:
        _, attributes = update(_name(physical_id), *args, **kwargs)
        return attributes["Arn"], attributes

    @functools.wraps(delete)
    def delete_by_arn(physical_id: str, properties: Mapping[str, Any]) -> None:
        delete(_name(physical_id), properties)

    provisioners._RESOURCE_HANDLERS[_SECRET] = {
        **handlers,
        "create": create_by_arn,
        "update": update_by_arn,
        "delete": delete_by_arn,
    }


def _name(arn: str) -> str:
    """Under which the service keeps a secret."""
    named = ((name, secret["ARN"]) for name, secret in secretsmanager._secrets.items())
    return next((name for name, known in named if known == arn), arn)
