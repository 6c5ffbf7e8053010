"""The names of what was deployed."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Resources:
    """The deployed resources that the core works on; empty where a function has none."""

    control_table: str = ""
    ledger_table: str = ""
    limits_table: str = ""
    registry_table: str = ""
    statistics_table: str = ""
    usage_table: str = ""
    archive_bucket: str = ""
    inputs_bucket: str = ""
    models_bucket: str = ""
    results_bucket: str = ""
    training_bucket: str = ""
    pepper_secret: str = ""
    export_secret: str = ""
    dead_letter_queue: str = ""
    spool_queue: str = ""
    access_log: str = ""
    function_log: str = ""

    @staticmethod
    def from_environment(environment: Mapping[str, str]) -> Resources:
        """From a function's `INFERMETER_*` variables."""
        return Resources(
            **{
                field.name: environment.get(f"INFERMETER_{field.name.upper()}", "")
                for field in fields(Resources)
            }
        )
