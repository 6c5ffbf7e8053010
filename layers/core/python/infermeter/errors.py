"""Every error of the domain, in one tree, with no transport in it.

InfermeterError
├── InvalidRequest              the caller must change what it sends
│   ├── MalformedBody               not the document that the protocol asks for
│   ├── MalformedEvent              an event that no transport of ours sends
│   ├── InvalidField                one field of a document: name, expected, got
│   ├── InvalidTensor               one tensor: name, expected, got
│   ├── ForeignObject               a URI outside what is the tenant's own
│   ├── UnsupportedFeature          understood, and not offered
│   ├── UnsupportedEncoding         a body compressed in a way that this server does not read
│   ├── ModelFailed                 the model could not compute this input
│   └── TooLarge                    over a declared limit
├── Unauthenticated             no key, or not a valid one
├── Forbidden                   a valid key that may not do this
├── PaymentRequired             waiting does not help: the tenant must act
│   ├── BudgetSpent
│   └── TenantSuspended
├── LimitReached                waiting helps
│   ├── RateLimited
│   └── BudgetLeased                what is left of a budget is held by others, for a while
├── NotFound
│   ├── UnknownRoute
│   ├── UnknownModel
│   ├── UnknownVersion
│   ├── NothingToLoad
│   ├── UnknownKey
│   ├── UnknownTenant
│   ├── UnknownPlan
│   └── UnknownRequest              no ledger entry under an id
├── MethodNotAllowed
├── ModelInUse                  an alias points at it, so it cannot be unloaded
├── RequestIdRefused            the id cannot stand for this request
│   ├── MalformedRequestId
│   ├── RequestIdOutsideWindow
│   └── RequestIdReused
├── RecordedVersionGone         a replay whose first answer came from a version now gone
├── AdministrationRefused       an act of the operator's that would break the books
├── DeadlineExceeded            no time left to answer; nothing was recorded
├── Unavailable                 a retry may succeed
│   ├── LedgerUnavailable
│   │   └── SpoolUnavailable
│   ├── StoreUnavailable
│   ├── ModelUnavailable
│   └── Defect                      nothing here foresaw it; its cause is in the log
└── PublicationRefused          nothing was changed
    ├── InvalidManifest
    ├── GateNotPassed
    └── VerificationFailed

Each message says what was expected, what came and, where it is not plain, what to do.
"""

from __future__ import annotations

import reprlib
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from infermeter.limits.limiter import Quota

MAX_CHARACTERS = 2000


class InfermeterError(Exception):
    """Base of the tree. `str(error)` is the message that a caller may read.

    `retryable` says whether the same request may succeed later.
    """

    retryable: ClassVar[bool] = False

    def __str__(self) -> str:
        text = super().__str__()
        if len(text) <= MAX_CHARACTERS:
            return text
        # A name may be as long as a body, and an answer that repeats it too long for Lambda. What
        # was expected and what came often stand behind it.
        half = MAX_CHARACTERS // 2 - 3
        return f"{text[:half]} ... {text[-half:]}"


class InvalidRequest(InfermeterError):
    """The request is wrong; sending it again unchanged fails again."""


class MalformedBody(InvalidRequest):
    """The body is not the document that the protocol asks for."""


class MalformedEvent(InvalidRequest):
    """The event has not the shape of the trigger that it claims to come from."""


class InvalidField(InvalidRequest):
    """One field of a document is not what the protocol asks for."""

    def __init__(self, field: str, *, expected: str, got: str) -> None:
        self.field = field
        super().__init__(f"{field}: expected {expected}, got {got}")


class InvalidTensor(InvalidRequest):
    """One tensor differs from what the signature, or its own declaration, promises."""

    def __init__(self, name: str, *, expected: str, got: str) -> None:
        self.name, self.expected, self.got = name, expected, got
        super().__init__(f"input '{name}': expected {expected}, got {got}")


class ForeignObject(InvalidRequest):
    """A URI names what is not the tenant's own; nobody looked whether anything lies there."""

    def __init__(self, field: str, *, prefix: str, got: str) -> None:
        super().__init__(
            f"{field}: expected the URI of an object below '{prefix}', got {got}; "
            "POST /v2/uploads makes one"
        )


class UnsupportedFeature(InvalidRequest):
    """The protocol has this feature and this service does not offer it."""


class UnsupportedEncoding(InvalidRequest):
    """The body's Content-Encoding is none that this server reads."""

    def __init__(self, encoding: str, readable: tuple[str, ...]) -> None:
        self.readable = readable
        super().__init__(
            f"Content-Encoding: expected {' or '.join(readable)}, got '{encoding}'; "
            "send the body so, or as it is"
        )


class ModelFailed(InvalidRequest):
    """The model raised on an input that its signature admits."""


class TooLarge(InvalidRequest):
    """Something is over a declared limit."""

    def __init__(self, what: str, *, limit: int, got: int | str, unit: str, remedy: str) -> None:
        super().__init__(f"{what}: expected at most {limit} {unit}, got {got}; {remedy}")


class Unauthenticated(InfermeterError):
    """No key came, or one that is not valid now."""


class Forbidden(InfermeterError):
    """The key's scopes do not include this action on this model."""

    def __init__(self, action: str, model: str, scopes: str) -> None:
        needed = f"the scope '{action}:{model}'" if model else f"a scope '{action}:<model>'"
        super().__init__(
            f"API key: expected one with {needed}, got one limited to {scopes}; "
            "ask its owner for another scope"
        )


class PaymentRequired(InfermeterError):
    """Nothing is served until the tenant or the operator acts. `quotas`: what remains of what."""

    quotas: Sequence[Quota] = ()


class BudgetSpent(PaymentRequired):
    """What a budget allows in its period was used, or all but less than a request takes."""

    def __init__(self, whose: str, limit: int, what: str, period: str) -> None:
        super().__init__(
            f"budget of the {whose}: expected at most {limit} {what} in {period}, and what is left "
            "is less than this request takes; it begins anew with the next month, or the operator "
            "raises it"
        )


class TenantSuspended(PaymentRequired):
    """The operator has suspended the tenant, or closed its account."""

    def __init__(self, tenant: str, state: str) -> None:
        super().__init__(f"tenant '{tenant}' is {state}; nothing is served until that is settled")


class LimitReached(InfermeterError):
    """Too much at once: the same request may be served later. `retry_after_s` says when,
    `quotas` what remains of what."""

    retryable = True
    quotas: Sequence[Quota] = ()

    def __init__(self, message: str, retry_after_s: float) -> None:
        self.retry_after_s = retry_after_s
        super().__init__(f"{message}; retry in {retry_after_s:.2f} s")


class RateLimited(LimitReached):
    """More requests than the rate and its burst allow."""

    def __init__(self, whose: str, policy: str, retry_after_s: float) -> None:
        super().__init__(
            f"rate limit of the {whose}: expected at most {policy}, got more", retry_after_s
        )


class BudgetLeased(LimitReached):
    """What is left of a budget is leased to other environments, and not spent yet."""

    def __init__(self, whose: str, retry_after_s: float) -> None:
        super().__init__(
            f"budget of the {whose}: expected some of it to be free, got all of what is left "
            "held for requests under way",
            retry_after_s,
        )


class NotFound(InfermeterError):
    """What the request names does not exist."""


class UnknownRoute(NotFound):
    """No route has this path."""

    def __init__(self, path: str) -> None:
        super().__init__(f"Not Found: no route '{path}'; GET /v2 lists what this server speaks")


class UnknownModel(NotFound):
    """No model of this name has been published."""

    def __init__(self, model: str) -> None:
        self.model = model
        super().__init__(f"Request for unknown model: '{model}' is not found")


class UnknownVersion(NotFound):
    """The model exists; this version or alias of it does not."""

    def __init__(self, model: str, version: str, known: str) -> None:
        self.model, self.version = model, version
        super().__init__(
            f"Request for unknown model: '{model}' version '{version}' is not found; "
            f"expected one of {known}"
        )


class NothingToLoad(NotFound):
    """A model that is to be loaded was never published."""

    def __init__(self, model: str, why: NotFound) -> None:
        super().__init__(f"failed to load '{model}': {why}; publish it first")


class UnknownKey(NotFound):
    """No key has this id."""

    def __init__(self, key_id: str) -> None:
        super().__init__(f"key id: expected that of an active key, got '{key_id}'")


class UnknownTenant(NotFound):
    """No tenant has this name, nor ever had."""

    def __init__(self, tenant: str) -> None:
        super().__init__(
            f"tenant: expected one that was made, got '{tenant}'; `tenants create` makes it"
        )


class UnknownPlan(NotFound):
    """No plan has this name, or this version."""

    def __init__(self, plan: str) -> None:
        super().__init__(f"plan: expected one that was stored, got '{plan}'; `plans put` makes it")


class UnknownRequest(NotFound):
    """The tenant has no ledger entry under this id."""

    def __init__(self, request_id: str) -> None:
        super().__init__(
            f"request '{request_id}': expected one that was charged in the last 35 days, got none; "
            "an entry that is still spooled comes within minutes"
        )


class MethodNotAllowed(InfermeterError):
    """The route exists, with other methods."""

    def __init__(self, method: str, path: str, allowed: tuple[str, ...]) -> None:
        self.allowed = allowed
        super().__init__(
            f"Method Not Allowed: expected {' or '.join(allowed)} on '{path}', got {method}"
        )


class ModelInUse(InfermeterError):
    """What aliases point at is served, and cannot be unloaded by a caller."""

    def __init__(self, model: str, aliases: tuple[str, ...]) -> None:
        super().__init__(
            f"failed to unload '{model}': expected a model that no alias points at, got "
            f"{', '.join(aliases)}; aliases are moved by the operator"
        )


class RequestIdRefused(InfermeterError):
    """The request id cannot stand for this request; nothing was run or billed under it."""


class MalformedRequestId(RequestIdRefused):
    """The id has characters or a length that an id must not have."""


class RequestIdOutsideWindow(RequestIdRefused):
    """The id's own time is too old, or too far ahead, to be told from a forgotten one."""


class RequestIdReused(RequestIdRefused):
    """The id was used before, for another payload."""

    def __init__(self, request_id: str) -> None:
        super().__init__(
            f"request id '{request_id}' was used for another request: expected the same model, "
            "version and body as the first time, over HTTP or by queue as then, got different "
            "ones; send a new id"
        )


class RecordedVersionGone(InfermeterError):
    """The first answer under this id came from a version that can no longer be run."""

    def __init__(self, model: str, version: str) -> None:
        super().__init__(
            f"this request was first answered by '{model}' version {version}, which can no longer "
            "be run; send a new id to be answered by the present version"
        )


class AdministrationRefused(InfermeterError):
    """What the operator asked for would contradict what stands; nothing was changed."""


class DeadlineExceeded(InfermeterError):
    """The answer came too late to be delivered; nothing was recorded."""

    retryable = True

    def __init__(self, late_s: float) -> None:
        super().__init__(
            f"the answer was ready {late_s:.1f} s too late to be delivered; "
            "this attempt was not billed; send fewer rows, or retry with the same Idempotency-Key"
        )


class Unavailable(InfermeterError):
    """Something behind the service did not answer; a retry may succeed."""

    retryable = True
    retry_after_s: ClassVar[int] = 1


class LedgerUnavailable(Unavailable):
    """The charge could not be recorded, so the answer is withheld."""

    def __init__(self) -> None:
        # A put without an answer may stand: only a retry under its id is sure to be billed once.
        super().__init__(
            "the ledger did not answer in time, so the answer is withheld; "
            "retry with the same Idempotency-Key, and it is billed once at most"
        )


class SpoolUnavailable(LedgerUnavailable):
    """Neither the ledger nor the spool took the charge."""


class StoreUnavailable(Unavailable):
    """A table, bucket or queue did not answer."""


class ModelUnavailable(Unavailable):
    """The model's artefact could not be fetched, or is not what was published."""


class Defect(Unavailable):
    """An error outside this tree, raised from it; what it struck may be served at the next try."""

    def __init__(self) -> None:
        super().__init__("internal error; retry")


class PublicationRefused(InfermeterError):
    """A model may not be published as it stands; nothing was changed."""


class InvalidManifest(PublicationRefused):
    """The manifest lacks a field, or holds one of another type."""

    def __init__(self, field: str, *, expected: str, got: object) -> None:
        super().__init__(f"manifest field '{field}': expected {expected}, got {reprlib.repr(got)}")


class GateNotPassed(PublicationRefused):
    """The model is not good enough by its recipe's own measure."""


class VerificationFailed(PublicationRefused):
    """The artefact does not do what its manifest says."""
