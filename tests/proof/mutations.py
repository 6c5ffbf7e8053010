"""The guards of the bill, each with the change that removes it and the tests that must then fail.

A change replaces text that the source has exactly once: a guard that moved must be pointed to anew.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
CORE = ROOT / "layers/core/python/infermeter"
# Where the copy lies that must be what is tested; `copied.py` looks.
COPY = "INFERMETER_PROOF_COPY"
TESTS_FAILED = 1
LIMIT_S = 120


@dataclass(frozen=True)
class Mutation:
    """A guard, where it stands, what stands there without it, and the tests that must miss it."""

    guard: str
    file: str
    source: str
    without: str
    tests: tuple[str, ...]

    def apply(self, core: Path) -> None:
        """Removes the guard from a copy of the core."""
        path = core / self.file
        text = path.read_text()
        found = text.count(self.source)
        if found != 1:
            raise AssertionError(
                f"{self.guard}: expected its text once in {self.file}, found it {found} times; "
                "point the mutation to where the guard is now"
            )
        path.write_text(text.replace(self.source, self.without))


def copy_core(folder: Path) -> Path:
    """A copy of the core on its own path; the package's folder."""
    ignore = shutil.ignore_patterns("__pycache__")
    return Path(shutil.copytree(CORE, folder / "infermeter", ignore=ignore))


def run_tests(core: Path, tests: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
    """pytest over a copy of the core, until the first failure."""
    environment = os.environ | {
        "PYTHONPATH": str(core.parent),
        "PYTHONDONTWRITEBYTECODE": "1",
        COPY: str(core),
    }
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider"]
    return subprocess.run(
        [*command, "-p", "tests.proof.copied", *tests],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )


HTTP, QUEUE = "tests/proof/test_http.py", "tests/proof/test_queue.py"
FOLD, ARCHIVE = "tests/proof/test_fold.py", "tests/proof/test_archive.py"
UNIT = "tests/unit"
AFTER_TWO = (f"{HTTP}::test_an_undisturbed_attempt_after_two_is_served_and_charged_once",)

MUTATIONS = (
    Mutation(
        "the put's condition",
        "adapters/ledger.py",
        '                ConditionExpression="attribute_not_exists(pk)",\n',
        "",
        (f"{HTTP}::test_two_retries_at_once_are_one_charge",),
    ),
    Mutation(
        "the nonce's comparison",
        "metering/ledger.py",
        "if standing is None or standing.nonce == entry.nonce:\n        return Commit",
        "if standing is None:\n        return Commit",
        AFTER_TWO,
    ),
    Mutation(
        "the payload hash's comparison",
        "metering/ledger.py",
        "if standing.payload_hash != entry.payload_hash:",
        "if False:",
        (f"{HTTP}::test_an_id_used_for_another_payload_at_once_is_charged_for_one_of_them",),
    ),
    Mutation(
        "an opaque id's age",
        "metering/ledger.py",
        "if entry.request_id.time_ms is None and age_s > OPAQUE_WINDOW_S:",
        "if False:",
        (f"{UNIT}/metering/test_ledger.py",),
    ),
    Mutation(
        "an id's acceptance window",
        "metering/ids.py",
        "        _check_window(request_id, now_s, channel)\n",
        "        pass\n",
        (f"{UNIT}/metering/test_ids.py",),
    ),
    Mutation(
        "windows shorter than the TTL",
        "metering/ids.py",
        "if max(OPAQUE_WINDOW_S, *(channel.window_s for channel in Channel)) >= LEDGER_TTL_S:",
        "if False:",
        ("tests/proof/test_windows.py",),
    ),
    Mutation(
        "the put before the answer",
        "metering/ledger.py",
        "        if spool is None:\n            raise\n        spool.send(entry)\n"
        "        return Commit(Billed.PENDING, entry)\n",
        "        return Commit(Billed.NEW, entry)\n",
        AFTER_TWO,
    ),
    Mutation(
        "the spool before the answer",
        "metering/ledger.py",
        "        spool.send(entry)\n",
        "",
        AFTER_TWO,
    ),
    Mutation(
        "the answer made before the put",
        "service.py",
        "        delivered, result = _deliver(admitted, arrays, deliver)\n"
        '        if delivered.version not in ("", result.version):\n'
        "            # What the caller has is what is to be charged.\n"
        "            admitted = self._on_version(begun, delivered.version)\n"
        "            delivered, result = self._again(admitted, deliver)\n"
        "        recorded = self._commit(begun, admitted, delivered.size)\n",
        "        recorded = self._commit(begun, admitted, 0)\n"
        "        delivered, result = _deliver(admitted, arrays, deliver)\n",
        (f"{QUEUE}::test_two_deliveries_and_an_undisturbed_one_are_one_charge_and_one_result",),
    ),
    Mutation(
        "a charge for the version whose result stands",
        "service.py",
        'if delivered.version not in ("", result.version):',
        "if False:",
        (f"{QUEUE}::test_a_result_is_of_the_version_that_is_charged",),
    ),
    Mutation(
        "a replay on the recorded version",
        "service.py",
        "if recorded.entry.version != result.version:",
        "if False:",
        AFTER_TWO,
    ),
    Mutation(
        "a put abandoned a minute after its commit time",
        "adapters/ledger.py",
        "if self._clock() - entry.committed_ms / 1000 > ABANDONED_S:",
        "if False:",
        (f"{UNIT}/adapters/test_ledger.py",),
    ),
    Mutation(
        "a place by the id's own hour",
        "adapters/ledger.py",
        "return _shard(tenant, hour, sharding.shard(hour, digest))",
        'return _shard(tenant, hour, sharding.shard("9", digest))',
        (f"{UNIT}/adapters/test_ledger.py",),
    ),
    Mutation(
        "the shards of what is put without them",
        "adapters/ledger.py",
        "sharding = self._sharding(entry.tenant) if entry.sharding is None else entry.sharding",
        "sharding = entry.sharding or ONE_SHARD",
        (f"{UNIT}/adapters/test_ledger.py",),
    ),
    Mutation(
        "all shards of an hour read",
        "adapters/ledger.py",
        "shards = range(self._sharding(tenant).count(hour))",
        "shards = range(1)",
        (f"{UNIT}/adapters/test_ledger.py",),
    ),
    Mutation(
        "a change of shards for an hour that nobody puts into",
        "metering/sharding.py",
        "_AHEAD, _REVOCABLE = 3, 2",
        "_AHEAD, _REVOCABLE = 1, 1",
        (f"{UNIT}/metering/test_sharding.py",),
    ),
    Mutation(
        "a near change of shards not taken back",
        "metering/sharding.py",
        "_AHEAD, _REVOCABLE = 3, 2",
        "_AHEAD, _REVOCABLE = 3, 1",
        (f"{UNIT}/metering/test_sharding.py",),
    ),
    Mutation(
        "a spooled entry's new commit time",
        "metering/spool.py",
        "replace(spooled, committed_ms=int(self._clock() * 1000))",
        "spooled",
        (f"{UNIT}/metering/test_spool.py",),
    ),
    Mutation(
        "a rate lease's expiry",
        "limits/rate.py",
        "if self._tokens <= 0 or not self._started <= now < self._expires:",
        "if self._tokens <= 0:",
        (f"{UNIT}/limits/test_rate.py",),
    ),
    Mutation(
        "a budget lease's expiry",
        "limits/budget.py",
        "return self.starts <= now < self.expires",
        "return True",
        (f"{UNIT}/limits/test_budget.py",),
    ),
    Mutation(
        "no lease reclaimed while entries are spooled",
        "limits/reclaim.py",
        "        if self._spooled():\n            self._table.mark_waiting(now)\n"
        "            return Reclaimed(0, waiting=True)\n",
        "",
        # A lease that is spent whole is settled at once: the scene leaves none beside the spool.
        (f"{UNIT}/limits/test_reclaim.py",),
    ),
    Mutation(
        "each entry once in a fold",
        "metering/fold.py",
        "        if digest in self._seen:\n            return\n",
        "",
        (ARCHIVE,),
    ),
    Mutation(
        "the seal only where two folds agree",
        "metering/sealing.py",
        "if table == archived:",
        "if True:",
        (f"{FOLD}::test_an_hour_is_not_sealed_while_the_archive_lags",),
    ),
    Mutation(
        "the wait before a seal",
        "metering/sealing.py",
        "return after(hour_of(int(self._clock() * 1000) - SETTLED_MS), -1)",
        "return after(hour_of(int(self._clock() * 1000)), -1)",
        (f"{FOLD}::test_an_hour_is_not_sealed_before_twenty_minutes_after_its_end",),
    ),
    Mutation(
        "the seal's own guard",
        "adapters/usage.py",
        'f"#hour = :hour AND {claim}"',
        'f"{claim}"',
        (f"{UNIT}/adapters/test_usage.py",),
    ),
    Mutation(
        "an adjustment of what is left alone",
        "metering/adjustment.py",
        "        left = left.plus(each.quantities)\n",
        "        pass\n",
        (f"{UNIT}/metering/test_adjustment.py",),
    ),
    Mutation(
        "an adjustment once",
        "metering/adjustment.py",
        "if 0 <= number < len(standing):",
        "if False:",
        (f"{UNIT}/metering/test_adjustment.py",),
    ),
    Mutation(
        "export of what is sealed alone",
        "export/planning.py",
        "watermark = usage.watermark(account.tenant)",
        "watermark = after(usage.watermark(account.tenant), 48)",
        (f"{UNIT}/export/test_job.py",),
    ),
    Mutation(
        "usage of what is sealed alone",
        "adapters/usage.py",
        "        end = min(end, self.watermark(tenant))\n",
        "",
        (f"{UNIT}/adapters/test_usage.py",),
    ),
)
