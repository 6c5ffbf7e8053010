"""The server process: MiniStack with our hooks, and the front, in one event loop."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import shutil
import signal
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from infra.local import processes, state
from infra.local.credentials import ACCOUNT, REGION, SECRET, local_session
from infra.local.front import Front, Route

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

HOST = "127.0.0.1"


@dataclass(frozen=True)
class Configuration:
    """What the server is started with.

    `url_port` is the port in the queues' URLs, which are part of the kept state; the endpoint is
    elsewhere only when that port is taken. `runtime` is None where the runtime client has no build.
    """

    home: Path
    port: int
    endpoint_port: int
    url_port: int
    runtime: Path | None
    substitutes: dict[str, Path]

    @property
    def endpoint(self) -> str:
        return f"http://{HOST}:{self.endpoint_port}"


def configure(configuration: Configuration) -> None:
    """Set MiniStack's environment, which it reads as it is imported."""
    for name in [name for name in os.environ if name.startswith(("AWS_", "LOCALSTACK_"))]:
        del os.environ[name]
    data = configuration.home / "data"
    os.environ.update(
        {
            "BIND_HOST": HOST,
            "GATEWAY_PORT": str(configuration.url_port),
            "MINISTACK_ACCOUNT_ID": ACCOUNT,
            "MINISTACK_REGION": REGION,
            "AWS_SECRET_ACCESS_KEY": SECRET,  # the account's and the functions'
            "PERSIST_STATE": "1",
            "STATE_DIR": str(data / "state"),
            "S3_PERSIST": "1",
            "S3_DATA_DIR": str(data / "s3"),
            "LOG_LEVEL": "WARNING",
            "AUTH": "true",  # functions have the rights of their roles alone
            # No listeners of other services, and no containers.
            "SFTP_ENABLED": "0",
            "IOT_MTLS_ENABLED": "0",
            "DOCKER_HOST": f"unix://{configuration.home / 'no-docker.sock'}",
        }
    )


def serve(configuration: Configuration) -> None:
    """Run until SIGTERM or SIGINT, then end every child and write the state."""
    configure(configuration)
    end_children = _install(configuration)
    try:
        asyncio.run(_serve(configuration, end_children))
    finally:
        processes.kill_all()


def _install(configuration: Configuration) -> Callable[[], None]:
    """Install the hooks; the result ends the processes that they started."""
    from infra.local.execution import Fleet
    from infra.local.faults import Faults
    from infra.local.functions import CodeFolder
    from infra.local.ministack.api import send_proxy_events
    from infra.local.ministack.faults import inject
    from infra.local.ministack.functions import run_functions
    from infra.local.ministack.resources import mend_cloudformation
    from infra.local.ministack.rights import check_rights
    from infra.local.ministack.streams import gather_batches, keep_unread
    from infra.local.ministack.training import add_sagemaker
    from infra.local.sagemaker import SageMaker

    session = local_session()
    training = configuration.home / "training"
    code = configuration.home / "code"
    for leftover in (training, code):
        shutil.rmtree(leftover, ignore_errors=True)
    jobs = SageMaker(session, configuration.endpoint, training, account=ACCOUNT, region=REGION)
    add_sagemaker(jobs)
    send_proxy_events()
    mend_cloudformation()
    check_rights()
    gather_batches()
    keep_unread()
    inject(Faults(state.faults(configuration.home)))
    if configuration.runtime is None:
        return jobs.close
    fleet = Fleet(configuration.runtime)
    run_functions(
        fleet,
        CodeFolder(code),
        endpoint=configuration.endpoint,
        substitutes=configuration.substitutes,
    )

    def stop() -> None:
        closing = threading.Thread(target=jobs.close)
        closing.start()
        fleet.close()
        closing.join()
        processes.kill_all()  # also functions that are busy: the event loop waits for their callers

    return stop


async def _serve(configuration: Configuration, end_children: Callable[[], None]) -> None:
    from hypercorn.asyncio import serve as hypercorn_serve
    from hypercorn.config import Config
    from ministack.app import app as services_app

    from infra.local.ministack.api import execute_api, write_access_log

    asked, stopping = asyncio.Event(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, asked.set)

    async def shut_down() -> None:
        await asked.wait()
        # First: a job that ends still writes its log and model through the server.
        await asyncio.to_thread(end_children)
        stopping.set()

    services, front = Config(), Config()
    services.bind = [f"{HOST}:{configuration.endpoint_port}"]
    front.bind = [f"{HOST}:{configuration.port}"]
    front.include_date_header = front.include_server_header = False
    front.h11_pass_raw_headers = True  # functions see header names as they were sent
    for config in (services, front):
        config.keep_alive_timeout = 75
        config.graceful_timeout = 1
        config.loglevel = "WARNING"
    log_path = state.access_log(configuration.home)
    with log_path.open("a") as access_log:
        application = Front(_router(configuration.home), execute_api, write_access_log, access_log)
        await asyncio.gather(
            shut_down(),
            hypercorn_serve(services_app, services, shutdown_trigger=stopping.wait),
            hypercorn_serve(application, front, shutdown_trigger=stopping.wait),  # type: ignore[arg-type]
        )


def _router(home: Path) -> Callable[[], Route | str]:
    """The stage named by the state folder's record, which is read again when it changes."""
    seen: tuple[int, Route | str] = (0, "")

    def route() -> Route | str:
        nonlocal seen
        try:
            changed = state.record_path(home).stat().st_mtime_ns
        except OSError:
            return "the local stack is starting"
        if changed != seen[0]:
            record = state.load(home)
            ready = record is not None and record.ready and "ApiUrl" in record.outputs
            target = Route.of(record.outputs["ApiUrl"]) if record and ready else None
            seen = (changed, target or "the local stack is being deployed")
        return seen[1]

    return route


def parse(arguments: Sequence[str] | None = None) -> Configuration:
    parser = argparse.ArgumentParser()
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--endpoint-port", type=int, required=True)
    parser.add_argument("--url-port", type=int, required=True)
    parser.add_argument("--runtime", type=Path)
    parser.add_argument("--substitute", nargs=2, action="append", default=[])
    given = parser.parse_args(arguments)
    substitutes = {part: Path(folder) for part, folder in given.substitute}
    return Configuration(
        home=given.home,
        port=given.port,
        endpoint_port=given.endpoint_port,
        url_port=given.url_port,
        runtime=given.runtime,
        substitutes=substitutes,
    )


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s")
    serve(parse())
