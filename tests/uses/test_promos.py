"""Promotional clips: the planted scene first, nothing past the point, nothing over another; wrong use."""

from itertools import pairwise

import numpy as np
import pytest

from mediafm.errors import UsageError
from mediafm.probes.saved import SavedProbe
from mediafm.uses.promos import find_promos, parse_length, parse_until
from uses.conftest import SHOT_S, SHOTS, STARTS, WORTHY, fitted


def test_the_worthy_scene_comes_first(catalog, worthy):
    found = find_promos(catalog, "t5", worthy, (4, 8), k=3, diversity=0)
    best = found.promos[0]
    assert STARTS[WORTHY] <= best.first_shot < best.end_shot <= STARTS[WORTHY + 1]
    assert best.given and 0 < best.score < 1 and best.likest is None and found.label == "worthy"
    assert [p.score for p in found.promos] == sorted((p.score for p in found.promos), reverse=True)


@pytest.mark.parametrize("seed", range(12))
def test_nothing_past_the_point_nothing_over_another(catalog, worthy, seed):
    rng = np.random.default_rng(seed)
    until = float(rng.uniform(12, SHOT_S * SHOTS))
    low = float(rng.uniform(2, 6))
    high = low + float(rng.uniform(2, 8))
    found = find_promos(
        catalog, f"t{seed % 6}", worthy, (low, high), int(rng.integers(1, 9)), f"{until:.3f}", float(rng.random())
    ).promos
    assert found
    for promo in found:
        assert promo.end_s <= until + 1e-3 and low <= promo.end_s - promo.start_s <= high
    spans = sorted((p.first_shot, p.end_shot) for p in found)
    assert all(a[1] <= b[0] for a, b in pairwise(spans))


def test_within_scenes_and_diversity(catalog, worthy):
    scene = np.searchsorted(STARTS, np.arange(SHOTS), side="right")
    inside = find_promos(catalog, "t5", worthy, (4, 8), k=6, within_scenes=True).promos
    assert all(scene[p.first_shot] == scene[p.end_shot - 1] for p in inside)
    alone, unlike = (find_promos(catalog, "t5", worthy, (4, 4), k=2, diversity=d).promos for d in (0.0, 0.9))
    assert scene[alone[0].first_shot] == scene[alone[1].first_shot]
    assert scene[unlike[0].first_shot] != scene[unlike[1].first_shot]
    assert unlike[1].likest < alone[1].likest


def test_what_is_to_be_avoided(catalog, worthy):
    span = f"t5@{SHOT_S * STARTS[WORTHY]}-{SHOT_S * STARTS[WORTHY + 1]}"
    found = find_promos(catalog, "t5", worthy, (4, 8), k=5, avoid=[span]).promos
    assert found and not any(p.first_shot < STARTS[WORTHY + 1] and p.end_shot > STARTS[WORTHY] for p in found)
    with pytest.raises(UsageError, match="Every span overlaps"):
        find_promos(catalog, "t5", worthy, (4, 8), avoid=["t5"])
    elsewhere = find_promos(catalog, "t5", worthy, (4, 4), k=1, diversity=1.0, avoid=[span.replace("t5", "t4")]).promos
    assert not STARTS[WORTHY] <= elsewhere[0].first_shot < STARTS[WORTHY + 1]


def test_a_probe_of_values(catalog, tmp_path):
    folder = fitted(catalog, tmp_path / "heat", kind="regression", column="heat", truth=lambda _, shot: shot / 10)
    found = find_promos(catalog, "t5", SavedProbe.load(folder), (4, 8), k=1).promos
    assert found[0].given is None and found[0].first_shot >= STARTS[-1] - 1


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ({"title": "x"}, "no title 'x'"),
        ({"length_s": (0.1, 0.5)}, "No run of whole shots"),
        ({"length_s": (9, 3)}, "No span lasts 9 to 3"),
        ({"until": "1:30"}, "lies outside the title"),
        ({"until": "1"}, "No run of whole shots"),
        ({"until": "soon"}, "is no time"),
        ({"k": 0}, "Cannot give 0 promos"),
        ({"k": 1_000_000}, "Cannot give 1000000 promos"),
        ({"diversity": 1.5}, "diversity of 1.5"),
        ({"label": "worth"}, "Did you mean 'worthy'"),
        ({"avoid": ["t5@70-80"]}, "lies outside title"),
    ],
)
def test_wrong_use(catalog, worthy, call, said):
    with pytest.raises(UsageError, match=said):
        find_promos(catalog, **{"title": "t5", "probe": worthy, "length_s": (4, 8), **call})


def test_probes_that_rank_nothing(catalog, tmp_path):
    folder = fitted(catalog, tmp_path / "place", kind="multiclass", column="place",
                    truth=lambda _, shot: "abcd"[int(np.searchsorted(STARTS, shot, side="right")) - 1])  # fmt: skip
    with pytest.raises(UsageError, match="tells classes apart"):
        find_promos(catalog, "t5", SavedProbe.load(folder))


def test_lengths_and_points():
    assert (
        parse_length("10-30") == (10, 30) and parse_length("15") == (15, 15) and parse_length("0:10-1:00") == (10, 60)
    )
    for wrong in ("", "30-10", "0-5", "a-b", "1-2-3"):
        with pytest.raises(UsageError, match="is no length"):
            parse_length(wrong)
    assert [parse_until(text, 100) for text in ("60%", "0.6", "1:00", "60", "100")] == [60, 60, 60, 60, 100]
    for wrong in ("0", "101", "150%", "-5", "%", "nan"):
        with pytest.raises(UsageError):
            parse_until(wrong, 100)
