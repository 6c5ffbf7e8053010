"""Currencies: how small their smallest unit is. Source: ISO 4217, list one."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Context, Decimal

_DIGITS = {
    **dict.fromkeys(("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF"), 0),
    **dict.fromkeys(("UGX", "UYI", "VND", "VUV", "XAF", "XOF", "XPF"), 0),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
    **dict.fromkeys(("CLF", "UYW"), 4),
}
# Whatever a plan may say: no product of a price and a quantity is cut before it is rounded.
EXACT = Context(prec=100)


def digits(currency: str) -> int:
    """How many there are behind the point; 2 where nothing else is known."""
    return _DIGITS.get(currency, 2)


def rounded(amount: Decimal, currency: str) -> Decimal:
    """The amount in whole smallest units, half of one to the even."""
    place = Decimal(1).scaleb(-digits(currency))
    return amount.quantize(place, rounding=ROUND_HALF_EVEN, context=EXACT)
