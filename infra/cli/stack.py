"""`up`, `down`, `status`: the local stack."""

from __future__ import annotations

import time
from typing import Annotated, Any

import typer

from infra.cli import console
from infra.cli.target import Json, Profile, Region, Stack, find_target

DEFAULT_PORT = 8080
_POLL_S = 0.5


def up(
    port: Annotated[int, typer.Option(help="Port of the customers' URL.")] = DEFAULT_PORT,
    *,
    detach: Annotated[bool, typer.Option("--detach", help="Leave it running.")] = False,
    json: Json = False,
) -> None:
    """Start the local stack: the synthesized template on a local AWS, without docker."""
    from infra.local import stack

    with console.step("Local stack"):
        status = stack.start(port, progress=console.note)
    if json:
        console.print_json(_document(status))
    else:
        console.out.print(f"ready at [bold]{status.url}[/bold]   (state: {status.state_dir})")
    if not detach:
        _wait()


def down(
    *,
    purge: Annotated[bool, typer.Option("--purge", help="Remove its state, too.")] = False,
    json: Json = False,
) -> None:
    """Stop the local stack."""
    from infra.local import stack

    stopped = stack.stop(purge=purge)
    if json:
        console.print_json({"stopped": stopped})
    else:
        console.out.print("stopped" if stopped else "no local stack was running")


def status(
    profile: Profile = None, stack: Stack = None, region: Region = None, *, json: Json = False
) -> None:
    """Whether the stack answers, and where."""
    document = _deployed(profile, stack, region) if profile or stack or region else _local()
    if json:
        console.print_json(document)
    else:
        console.print_table("status", ["", ""], [[k, _shown(v)] for k, v in document.items()])


def _local() -> dict[str, Any]:
    from infra.local import stack

    running = [{"function": name, "pid": pid} for name, pid in stack.environments()]
    return {**_document(stack.status()), "environments": running}


def _deployed(profile: str | None, name: str | None, region: str | None) -> dict[str, Any]:
    import urllib3

    target = find_target(profile, name, region)
    answer = urllib3.request("GET", f"{target.url}/v2/health/ready", timeout=30, retries=1)
    return {"url": target.url, "ready": answer.status == 200, **target.outputs}


def _document(status: Any) -> dict[str, Any]:
    return {
        "url": status.url,
        "ready": status.ready,
        "endpoint": status.endpoint,
        "pid": status.pid,
        "state": str(status.state_dir),
        "interpreter": status.interpreter,
        "detail": status.detail,
    }


def _shown(value: Any) -> str:
    """Environments in one line, other values as they are: a pid is no quantity."""
    if not isinstance(value, list):
        return str(value)
    return ", ".join(f"{each['function']} {each['pid']}" for each in value)


def _wait() -> None:
    from infra.local import stack

    console.note("Ctrl-C stops it")
    try:
        while stack.status().ready:
            time.sleep(_POLL_S)
    except KeyboardInterrupt:
        stack.stop()
