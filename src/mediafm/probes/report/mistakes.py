"""The most confident errors of one feature set, with what can be seen and read there.

One error is shown for each moment: of errors about the same label within a minute of each other in one title, the
first. Where labels are given or not, misses and false alarms take turns, for a rare label has hardly any but misses.
"""

import base64
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain, islice, zip_longest
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mediafm.probes.report.measures import rank_shares
from mediafm.probes.report.numbers import clock, decimal
from mediafm.probes.report.predictions import Said
from mediafm.probes.tasks import CLASSIFYING

if TYPE_CHECKING:
    from mediafm.catalog import Catalog

SHOWN = 10
SAME_MOMENT_S = 60.0
LONGEST_TEXT = 280  # characters


@dataclass(frozen=True, slots=True)
class Mistake:
    """One example that was judged wrong. said, true: in words; probability: of what was said, where it has one."""

    title: str
    shot: int
    start_s: float
    end_s: float
    label: str
    verdict: str
    said: str
    true: str
    probability: float | None


@dataclass(frozen=True, slots=True)
class Frame:
    """A shot's picture as a data address."""

    source: str
    words: str
    main: bool


@dataclass(frozen=True, slots=True)
class Scene:
    """A mistake with its surroundings. name: of the title, where it has one beside its id; text: what is said there."""

    mistake: Mistake
    name: str
    place: str
    text: str = ""
    frames: list[Frame] = field(default_factory=list)


def find_mistakes(said: Said, kind: str) -> list[Mistake]:
    """The most confident errors, the worst first."""
    if kind in CLASSIFYING:
        pairs = zip_longest(_apart(said, _misses(said)), _apart(said, _false_alarms(said)))
        ranked: Iterable[tuple[int, int] | None] = chain.from_iterable(pairs)
    elif kind == "multiclass":
        ranked = _apart(said, _wrong_classes(said))
    else:
        ranked = _apart(said, _far_off(said, kind))
    found = islice((place for place in ranked if place is not None), SHOWN)
    return [_mistake(said, kind, row, label) for row, label in found]


def _misses(said: Said) -> NDArray[np.float64]:
    """How surely a true label was left out, [N, L]; -inf where it was not."""
    return np.where((said.truth_NL > 0) & ~_given(said), -said.score_NL, -np.inf)


def _false_alarms(said: Said) -> NDArray[np.float64]:
    return np.where((said.truth_NL <= 0) & _given(said), said.score_NL, -np.inf)


def _given(said: Said) -> NDArray[np.bool_]:
    return said.score_NL >= 0 if said.given_NL is None else said.given_NL


def _wrong_classes(said: Said) -> NDArray[np.float64]:
    likeliest = said.score_NL.argmax(axis=1)
    wrong = said.truth_NL[np.arange(len(said)), likeliest] <= 0
    here = likeliest[:, None] == np.arange(len(said.labels))
    return np.where(here & wrong[:, None], said.score_NL, -np.inf)


def _far_off(said: Said, kind: str) -> NDArray[np.float64]:
    """Distance from the truth: of places within the group, or in deviations of the truth."""
    columns = []
    for true, score in zip(said.truth_NL.T, said.score_NL.T, strict=True):
        if kind == "ranking" and said.group is not None:
            columns.append(np.abs(rank_shares(true, said.group) - rank_shares(score, said.group)))
        else:
            columns.append(np.abs(true - score) / (true.std() or 1.0))
    amount = np.stack(columns, axis=1)
    return np.where(amount > 0, amount, -np.inf)


def _apart(said: Said, amount_NL: NDArray[np.float64]) -> Iterator[tuple[int, int]]:
    """(example, label) by falling amount, one for each moment; none of amount -inf."""
    taken: dict[tuple[int, int], list[float]] = {}
    middle = (said.start_s + said.end_s) / 2
    wrong = np.flatnonzero(amount_NL > -np.inf)
    for flat in wrong[np.argsort(-amount_NL.ravel()[wrong], kind="stable")]:
        row, label = divmod(int(flat), amount_NL.shape[1])
        moments = taken.setdefault((int(said.title[row]), label), [])
        if all(abs(middle[row] - moment) > SAME_MOMENT_S for moment in moments):
            moments.append(float(middle[row]))
            yield row, label


def _mistake(said: Said, kind: str, row: int, label: int) -> Mistake:
    name, score = said.labels[label], said.score_NL[row]
    probability: float | None = None
    if kind in CLASSIFYING:
        probability = float(said.probabilities(kind)[row, label])
        missed = said.truth_NL[row, label] > 0
        verdict, answers = ("missed", ("no", "yes")) if missed else ("false alarm", ("yes", "no"))
    elif kind == "multiclass":
        true = int(said.truth_NL[row].argmax())
        probability = float(np.exp(score[label]))
        verdict, answers = "wrong class", (name, f"{said.labels[true]} ({decimal(float(np.exp(score[true])))})")
        name = ""
    else:
        verdict, answers = _value_words(said, kind, row, label)
    return Mistake(
        said.titles[said.title[row]], int(said.shot[row]), float(said.start_s[row]), float(said.end_s[row]),
        name, verdict, *answers, probability,
    )  # fmt: skip


def _value_words(said: Said, kind: str, row: int, label: int) -> tuple[str, tuple[str, str]]:
    true, score = said.truth_NL[:, label], said.score_NL[:, label]
    verdict = "too high" if score[row] > true[row] else "too low"
    if kind != "ranking" or said.group is None:
        return verdict, (decimal(float(score[row])), decimal(float(true[row])))
    members = said.group == said.group[row]
    said_place, true_place = (1 + int((values[members] > values[row]).sum()) for values in (score, true))
    verdict = "too high" if said_place < true_place else "too low"
    return verdict, (f"place {said_place} of {members.sum()}", f"place {true_place} ({decimal(float(true[row]))})")


def show(mistakes: list[Mistake], catalog: "Catalog") -> list[Scene]:
    """Each with pictures of its middle shot and the ones beside it, and its timed text, as far as there are any."""
    ids = list(dict.fromkeys(mistake.title for mistake in mistakes))
    shots: dict[str, list[tuple[float, float, str]]] = {title: [] for title in ids}
    for title, _, start_s, end_s, text in catalog.iter_texts(ids):
        shots[title].append((start_s, end_s, text))
    names = {record.title_id: _name(record) for record in catalog.titles()}
    return [_scene(mistake, names.get(mistake.title, ""), shots[mistake.title], catalog) for mistake in mistakes]


def _name(record: object) -> str:
    return getattr(getattr(record, "metadata", None), "name", "")


def _scene(mistake: Mistake, name: str, shots: list[tuple[float, float, str]], catalog: "Catalog") -> Scene:
    starts = np.array([start_s for start_s, _, _ in shots])
    middle = int(np.searchsorted(starts, (mistake.start_s + mistake.end_s) / 2, side="right")) - 1
    middle = mistake.shot if mistake.shot >= 0 else max(middle, 0)
    held = [i for i, (a, b, _) in enumerate(shots) if mistake.start_s <= (a + b) / 2 < mistake.end_s] or [middle]
    # A long span is seen at its quarters; a short one, with the shots on either side of its middle.
    step = len(held) // 4 if len(held) >= 8 else 1
    frames = []
    for shot in (middle - step, middle, middle + step):
        picture = _picture(catalog, mistake.title, shot) if 0 <= shot < len(shots) else ""
        if picture:
            frames.append(Frame(picture, f"shot {shot} at {clock(shots[shot][0])}", shot == middle))
    place = f"{clock(mistake.start_s)} to {clock(mistake.end_s)}"
    text = _joined(shots[i][2] for i in held)
    return Scene(mistake, "" if name == mistake.title else name, place, text, frames)


def _picture(catalog: "Catalog", title: str, shot: int) -> str:
    """A catalog that was made of features alone holds no pictures."""
    content = getattr(catalog, "keyframe", lambda title, shot: None)(title, shot)
    return f"data:image/jpeg;base64,{base64.b64encode(content).decode()}" if content else ""


def _joined(texts: Iterable[str]) -> str:
    """Texts of neighbouring shots, each once, cut where nobody would read on."""
    whole = " ".join(dict.fromkeys(text.strip() for text in texts if text.strip()))
    return whole if len(whole) <= LONGEST_TEXT else whole[:LONGEST_TEXT].rsplit(" ", 1)[0] + " …"
