"""Hosted embedding services as optional clients: other people's models to compare with, spoken to over HTTP.

Nothing else in mediafm needs them. A key comes from the environment alone, spending has a cap, and what was paid for
is kept on disk. docs/hosted.md says what each service takes, costs and is sent.
"""

from mediafm.encoders.hosted.budget import Budget
from mediafm.encoders.hosted.cache import HostedCache
from mediafm.encoders.hosted.calling import BudgetSpentError, CallFailedError
from mediafm.encoders.hosted.client import HostedClient
from mediafm.encoders.hosted.nova import Nova
from mediafm.encoders.hosted.service import Account, Clip, HostedService, Limits, NotEvaluatedError, Price
from mediafm.encoders.hosted.twelvelabs import TwelveLabs
from mediafm.encoders.hosted.vertex import Vertex
from mediafm.encoders.hosted.waiting import Clock, StoppedError
from mediafm.errors import UsageError

SERVICES: dict[str, type[Nova | TwelveLabs | Vertex]] = {s.name: s for s in (Nova, TwelveLabs, Vertex)}


def load_service(name: str, model: str = "", usd_per_s: float | None = None) -> HostedService:
    """A service by its name, with its usual model or another it has; UsageError for what is not known.

    usd_per_s: the price as the caller knows it, in place of the one noted here.
    """
    if name not in SERVICES:
        raise UsageError(f"There is no client for a service {name!r}.", f"There are {', '.join(SERVICES)}.")
    service = SERVICES[name](model)
    if usd_per_s is not None:
        if not 0 < usd_per_s < float("inf"):
            raise UsageError(f"A price of ${usd_per_s} a second is none.", "Give dollars, more than zero.")
        service.price = Price(usd_per_s, "as given", "")
    return service


__all__ = [
    "SERVICES",
    "Account",
    "Budget",
    "BudgetSpentError",
    "CallFailedError",
    "Clip",
    "Clock",
    "HostedCache",
    "HostedClient",
    "HostedService",
    "Limits",
    "NotEvaluatedError",
    "Nova",
    "Price",
    "StoppedError",
    "TwelveLabs",
    "Vertex",
    "load_service",
]
