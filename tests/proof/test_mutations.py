"""The mutation check: without each guard in turn, the tests that watch it fail."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from tests.proof.mutations import MUTATIONS, TESTS_FAILED, Mutation, copy_core, run_tests

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

AT_ONCE = 2


def test_each_guard_is_missed(tmp_path: Path, tell: Callable[[str], None]) -> None:
    def survives(numbered: tuple[int, Mutation]) -> str:
        number, mutation = numbered
        core = copy_core(tmp_path / str(number))
        mutation.apply(core)
        finished = run_tests(core, mutation.tests)
        if finished.returncode == TESTS_FAILED:
            return ""
        return f"{mutation.guard}: pytest gave {finished.returncode}\n{finished.stdout[-2000:]}"

    with ThreadPoolExecutor(AT_ONCE) as pool:
        outcomes = list(pool.map(survives, enumerate(MUTATIONS)))
    survivors = [outcome for outcome in outcomes if outcome]
    tell(f"mutations: {len(outcomes) - len(survivors)} killed of {len(outcomes)}")
    assert not survivors, "\n".join(survivors)


def test_with_every_guard_in_place_the_same_tests_pass(tmp_path: Path) -> None:
    core = copy_core(tmp_path / "control")
    tests = sorted({test for mutation in MUTATIONS for test in mutation.tests})
    finished = run_tests(core, tuple(tests))
    assert finished.returncode == 0, finished.stdout[-4000:]
