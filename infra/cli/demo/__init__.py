"""The whole loop on the local stack, each step checked: what a newcomer runs first."""

from infra.cli.demo.story import run

__all__ = ["run"]
