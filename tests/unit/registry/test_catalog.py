"""Names to versions, remembered briefly."""

from __future__ import annotations

import pytest

from infermeter.errors import UnknownModel, UnknownVersion
from infermeter.registry.catalog import ALIAS_CACHE_S, Catalog, ModelVersion
from tests.ports import Clock, MemoryRegistry


class Shop:
    """A catalog over a registry with versions 1 and 2 of `m`; `prod` is 1."""

    def __init__(self) -> None:
        self.clock, self.registry = Clock(), MemoryRegistry()
        for number in ("1", "2"):
            self.add(number)
        self.registry.move_alias("m", "prod", "1")
        self.catalog = Catalog(self.registry, self.clock)

    def add(self, number: str) -> None:
        self.registry.add_version(ModelVersion("m", number, f"sha256:{number}", 1, 0))

    def resolve(self, version: str | None = None) -> str:
        return self.catalog.resolve("m", version).version


@pytest.fixture
def shop() -> Shop:
    return Shop()


@pytest.mark.parametrize(("wanted", "found"), [(None, "1"), ("prod", "1"), ("2", "2")])
def test_a_number_an_alias_or_nothing_names_a_version(
    shop: Shop, wanted: str | None, found: str
) -> None:
    assert shop.resolve(wanted) == found


def test_the_registry_is_read_once_within_the_cache_time(shop: Shop) -> None:
    shop.resolve()
    shop.clock.now += ALIAS_CACHE_S - 1
    shop.resolve()
    assert shop.registry.reads == 1


def test_an_alias_that_moved_is_followed_within_thirty_seconds(shop: Shop) -> None:
    assert shop.resolve() == "1"
    shop.registry.move_alias("m", "prod", "2")
    shop.clock.now += 30
    assert shop.resolve() == "2"


def test_a_version_published_meanwhile_is_found_at_once(shop: Shop) -> None:
    shop.resolve()
    shop.add("3")
    assert shop.resolve("3") == "3"


def test_an_unknown_version_says_which_are_known(shop: Shop) -> None:
    with pytest.raises(UnknownVersion, match=r"'m' version '9' .* expected one of 1, 2, prod"):
        shop.resolve("9")


def test_an_unknown_model_is_never_remembered(shop: Shop) -> None:
    with pytest.raises(UnknownModel, match="Request for unknown model: 'n'"):
        shop.catalog.record("n")
    shop.registry.add_version(ModelVersion("n", "1", "sha256:1", 1, 0))
    assert shop.catalog.record("n").model == "n"


@pytest.mark.parametrize("name", ["", "a/b", "ż", "x" * 65, "x" * 5000, "a b", "a\n"])
def test_what_no_model_can_be_called_is_unknown_before_any_read(shop: Shop, name: str) -> None:
    with pytest.raises(UnknownModel):
        shop.catalog.resolve(name, None)
    assert shop.registry.reads == 0
