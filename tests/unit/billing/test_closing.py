"""Closing the books of a month."""

from __future__ import annotations

from dataclasses import replace

from infermeter.errors import StoreUnavailable
from tests.unit.billing.books import Books, ms

MAY = "202605"


def kept(books: Books) -> list[str]:
    return [each.month for each in books.close().kept]


def test_a_month_is_kept_once_its_last_hour_is_sealed() -> None:
    books = Books()
    books.charged("2026053123", 3)
    books.sealed_until("2026053123")
    assert kept(books) == []
    books.sealed_until("2026060100")
    assert kept(books) == [MAY]
    assert books.archive.kept["a", MAY].final


def test_what_is_kept_is_not_made_again() -> None:
    books = Books()
    books.sealed_until("2026060100")
    assert kept(books) == [MAY]
    first = books.archive.kept["a", MAY]
    books.restart()
    books.clock.now += 1
    made: list[str] = []
    books.statements.made = lambda _, month: made.append(month)  # type: ignore[method-assign]
    assert kept(books) == []
    assert made == []
    assert books.archive.kept["a", MAY] is first


def test_nothing_is_read_of_a_tenant_whose_months_are_kept() -> None:
    books = Books()
    books.sealed_until("2026060100")
    books.close()
    reads = books.archive.reads
    books.close()
    assert books.archive.reads == reads
    books.clock.now = ms("2026070100") / 1000
    books.sealed_until("2026070100")
    assert kept(books) == ["202606"]


def test_all_months_that_became_final_are_kept_the_oldest_first() -> None:
    books = Books()
    books.clock.now = ms("2026080500") / 1000
    books.sealed_until("2026080100")
    assert kept(books) == [MAY, "202606", "202607"]


def test_a_month_that_a_dead_run_left_out_is_kept_by_the_next() -> None:
    books = Books()
    books.clock.now = ms("2026080500") / 1000
    books.sealed_until("2026080100")
    books.archive.keep(books.statement("202607"))
    assert kept(books) == [MAY, "202606"]


def test_a_closed_tenants_month_ends_before_the_others() -> None:
    books = Books()
    books.change(closed_at=ms("2026060800") // 1000)
    books.sealed_until("2026060902")
    assert kept(books) == [MAY]
    books.sealed_until("2026060903")
    assert kept(books) == ["202606"]


def test_what_fails_of_one_tenant_does_not_stop_the_others() -> None:
    books = Books()
    books.sealed_until("2026060100")
    books.keys.owners["b"] = replace(books.record, tenant="b")
    books.store.watermarks["b"] = "2026060100"
    made = books.statements.made

    def failing(record, month):
        if record.tenant == "a":
            raise StoreUnavailable("usage table: none")
        return made(record, month)

    books.statements.made = failing  # type: ignore[method-assign]
    report = books.close()
    assert [each.tenant for each in report.kept] == ["b"]
    assert report.failures == ["a: StoreUnavailable: usage table: none"]


def test_nothing_is_begun_after_the_deadline() -> None:
    books = Books()
    books.sealed_until("2026060100")
    assert books.closing.run(books.clock()).kept == []
    assert kept(books) == [MAY]
