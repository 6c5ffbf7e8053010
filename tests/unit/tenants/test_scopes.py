"""What a key may do."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infermeter.errors import Forbidden, InvalidRequest
from infermeter.tenants.scopes import EVERYTHING, Action, Scope, Scopes, parse_scope

models = st.from_regex(r"[a-z.-]{1,9}", fullmatch=True)
patterns = models | models.map("{}*".format) | st.just("*")
scopes = st.builds(Scope, st.sampled_from(["*", *(each.value for each in Action)]), patterns)


def scoped(*texts: str) -> Scopes:
    return Scopes(tuple(map(parse_scope, texts)))


@given(scopes)
def test_a_scope_reads_back(scope: Scope) -> None:
    assert parse_scope(str(scope)) == scope


@pytest.mark.parametrize(
    "text", ["", "infer", "infer:", ":m", "eat:m", "infer:a*b", "infer:a b", "infer:m\n", "*"]
)
def test_what_is_no_scope_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest, match="scope: expected <action>:<model>"):
        parse_scope(text)


@given(scopes, st.sampled_from(Action), models)
def test_a_scope_allows_its_action_on_its_models_alone(
    scope: Scope, action: Action, model: str
) -> None:
    acts = ["*", action.value] + (["infer"] if action is Action.READ else [])
    fits = model.startswith(scope.pattern[:-1]) if "*" in scope.pattern else model == scope.pattern
    assert scope.allows(action, model) == (scope.action in acts and fits)


@given(scopes)
def test_without_a_model_one_on_some_model_is_enough(scope: Scope) -> None:
    for action in Action:
        some_model = scope.pattern.removesuffix("*") or "m"
        assert scope.allows(action, "") == scope.allows(action, some_model)


def test_no_scopes_are_all() -> None:
    assert EVERYTHING.allow(Action.LOAD, "m")
    assert str(EVERYTHING) == "everything"


def test_any_of_several_is_enough() -> None:
    both = scoped("infer:a", "usage:*")
    assert both.allow(Action.USAGE)
    assert both.allow(Action.INFER, "a")
    assert not both.allow(Action.INFER, "b")
    assert not both.allow(Action.LOAD, "a")


def test_a_refusal_says_what_the_key_may_do() -> None:
    with pytest.raises(Forbidden, match="the scope 'load:m', got one limited to infer:a, usage:"):
        scoped("infer:a", "usage:*").require(Action.LOAD, "m")
