"""One picture for every place: the painter its kind asks for, its details fixed by its seed."""

from collections.abc import Callable

import numpy as np

from mediafm.synthetic import exteriors, interiors
from mediafm.synthetic.draw import speckle
from mediafm.synthetic.exteriors import HEIGHT, WIDTH
from mediafm.synthetic.genres import PlaceKind
from mediafm.synthetic.plan import Place
from mediafm.types import ImageArray

__all__ = ["HEIGHT", "WIDTH", "paint_place"]

_OUTSIDE: dict[PlaceKind, Callable[[ImageArray, bool, np.random.Generator], None]] = {
    "street": exteriors.street,
    "rooftop": exteriors.rooftop,
    "park": exteriors.park,
    "forest": exteriors.forest,
    "beach": exteriors.beach,
    "desert": exteriors.desert,
    "planet": exteriors.planet,
}
_INSIDE: dict[PlaceKind, Callable[[np.random.Generator], ImageArray]] = {
    "cafe": interiors.cafe,
    "living_room": interiors.living_room,
    "office": interiors.office,
    "corridor": interiors.corridor,
    "cellar": interiors.cellar,
    "bridge": interiors.bridge,
}


def paint_place(place: Place) -> ImageArray:
    """The empty place as a picture: uint8 [HEIGHT, WIDTH, 3] RGB, the world that camera and figures move in."""
    rng = np.random.default_rng(place.seed)
    if place.kind in _OUTSIDE:
        image = exteriors.sky(place.night, rng)
        _OUTSIDE[place.kind](image, place.night, rng)
    else:
        image = _INSIDE[place.kind](rng)
    return speckle(image, 4.0, rng)
