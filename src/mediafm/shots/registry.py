"""Detectors by name. A detector's libraries are loaded only when it is made."""

import inspect
from typing import Any, Literal, get_args

from mediafm.errors import UsageError
from mediafm.shots.detector import Detector

DetectorName = Literal["auto", "transnet", "content", "fixed"]
GIVEN = "given"  # not for people to choose: cuts of an earlier reading
DETECTORS: tuple[DetectorName, ...] = get_args(DetectorName)


def make_detector(name: str, **options: Any) -> Detector:
    """Make a detector for one title.

    Args:
        name: one of DETECTORS, or GIVEN.
        options: the detector's own options (see its class); UsageError lists them if one is unknown.
    """
    if name not in (*DETECTORS, GIVEN):
        raise UsageError(f"There is no detector {name!r}.", f"Choose one of: {', '.join(DETECTORS)}.")
    kind = _detector_class(name)
    known = list(inspect.signature(kind).parameters)
    unknown = sorted(set(options) - set(known))
    if unknown:
        raise UsageError(
            f"Detector {name!r} has no option {', '.join(map(repr, unknown))}.", f"Its options are: {', '.join(known)}."
        )
    return kind(**options)


def _detector_class(name: str) -> type[Detector]:
    if name == "auto":
        from mediafm.shots.auto import AutoDetector

        return AutoDetector
    if name == "transnet":
        from mediafm.shots.transnet import TransnetDetector

        return TransnetDetector
    if name == "content":
        from mediafm.shots.content import ContentDetector

        return ContentDetector
    if name == GIVEN:
        from mediafm.shots.given import GivenDetector

        return GivenDetector
    from mediafm.shots.fixed import FixedDetector

    return FixedDetector
