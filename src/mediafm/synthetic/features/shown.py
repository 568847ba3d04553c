"""What shots show by themselves, read off the directions their vectors lie around. The story is not asked."""

import numpy as np

from mediafm.synthetic.features.law import ACTS
from mediafm.synthetic.features.timeline import Ints
from mediafm.synthetic.features.title import FeatureTitle
from mediafm.types import BoolArray

Labels = tuple[tuple[str, ...], BoolArray]


def shown_labels(title: FeatureTitle) -> Labels:
    """Names and bool [n, L] of all that the title's channels show.

    `shows_cast_k` and `shows_look_k` (a cast and how it seems to fare), `shows_motif_k`, `hears_tune_k`,
    `hears_omen_k`, `tells_plot_k`: what a shot says, rightly or wrongly. All are 0 where it lacks the modality.
    """
    parts = _parts(title)
    names = tuple(f"{part}_{k}" for part, (count, _) in parts.items() for k in range(count))
    return names, np.concatenate([said[:, None] == np.arange(count) for count, said in parts.values()], axis=1)


def ads(title: FeatureTitle) -> Labels:
    """Names and bool [n, L] of the kinds of advertisements that fit what a shot shows.

    `ads_people`: cast 0 or 1; `ads_things`: a motif of the first half; `ads_music`: tune 0; `ads_talk`: plot 0. A
    catalogue without a modality lacks its kinds.
    """
    things = (title.world.law.motifs + 1) // 2
    below = {"ads_people": ("shows_cast", 2), "ads_things": ("shows_motif", things), "ads_music": ("hears_tune", 1),
             "ads_talk": ("tells_plot", 1)}  # fmt: skip
    parts = _parts(title)
    fits = {
        name: (parts[part][1] >= 0) & (parts[part][1] < end) for name, (part, end) in below.items() if part in parts
    }
    return tuple(fits), np.stack(list(fits.values()), axis=1)


def _parts(title: FeatureTitle) -> dict[str, tuple[int, Ints]]:
    """Part of a channel -> (how many there are, which each shot shows or -1, [n])."""
    law, shown = title.world.law, title.shown
    parts = dict[str, tuple[int, Ints]]()
    if "subject" in shown:
        seen, motifs_from = shown["subject"], law.casts * ACTS
        in_cast = (seen >= 0) & (seen < motifs_from)
        parts["shows_cast"] = law.casts, np.where(in_cast, seen // ACTS, -1)
        parts["shows_look"] = ACTS, np.where(in_cast, seen % ACTS, -1)
        parts["shows_motif"] = law.motifs, np.where(seen >= motifs_from, seen - motifs_from, -1)
    if "sound" in shown:
        heard = shown["sound"]
        parts["hears_tune"] = law.moods, np.where(heard < law.moods, heard, -1)
        parts["hears_omen"] = law.omens, np.where(heard >= law.moods, heard - law.moods, -1)
    if "topic" in shown:
        parts["tells_plot"] = law.plots, shown["topic"]
    return parts
