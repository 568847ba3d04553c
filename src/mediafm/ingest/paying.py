"""Encoders that are paid for by the use: the cap of a run, and what people are told before and after."""

from collections.abc import Iterable
from itertools import islice

from mediafm.encoders import Encoder, PaidEncoder, Preset
from mediafm.errors import UsageError
from mediafm.progress import Progress

_AT_ONCE = 20_000  # texts


def set_cap(preset: Preset, max_cost: float | None) -> None:
    """Keep the preset's paid encoders below so many dollars a run; UsageError where nothing of it is paid for."""
    if max_cost is None:
        return
    paid = paid_encoders(preset.encoders.values())
    if not paid:
        raise UsageError(f"Nothing of preset {preset.name!r} is paid for.", "Leave --max-cost out.")
    for encoder in paid:
        encoder.limit(max_cost)


def paid_encoders(encoders: Iterable[Encoder]) -> list[PaidEncoder]:
    """Those that cost money."""
    return [encoder for encoder in encoders if isinstance(encoder, PaidEncoder)]


def tell_beforehand(encoders: Iterable[Encoder], progress: Progress) -> None:
    """Say that something leaves this machine, and what it costs."""
    for encoder in paid_encoders(encoders):
        progress.note(encoder.about)


def tell_estimate(encoder: object, texts: Iterable[str], progress: Progress) -> None:
    """Say what embedding these texts will cost, if it costs anything. Many texts are looked at some at a time."""
    if not isinstance(encoder, PaidEncoder):
        return
    iterator, total, unknown, tokens, usd, priced = iter(texts), 0, 0, 0, 0.0, True
    while some := list(islice(iterator, _AT_ONCE)):
        found = encoder.estimate(some)
        total, unknown, tokens = total + found.texts, unknown + found.unknown, tokens + found.tokens
        usd, priced = usd + (found.usd or 0.0), priced and found.usd is not None
    price = f"about {dollars(usd)}" if priced else "at an unknown price"
    progress.note(f"{unknown} of {total} texts are to be paid for: about {tokens} tokens, {price}.")


def tell_spending(encoders: Iterable[Encoder], progress: Progress) -> None:
    """Say what a run has sent and paid."""
    for encoder in paid_encoders(encoders):
        spent = encoder.spending
        if spent.texts_sent:
            doubt = f", and up to {dollars(spent.unconfirmed_usd)} without an answer" if spent.unconfirmed_usd else ""
            progress.note(f"{spent.texts_sent} texts sent, {dollars(spent.usd)} spent{doubt}.")


def dollars(amount: float) -> str:
    """An amount for people."""
    return f"${amount:.2f}" if amount >= 1 else f"${amount:.6f}"
