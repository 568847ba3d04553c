"""Recipes that cannot work are refused, those that should not be are advised against, by remedies that help."""

import re
from typing import Any

import pytest

from mediafm.config import Recipe, load_recipe, recipe_names
from mediafm.errors import MediafmError, TrainingError, UsageError
from mediafm.train.advice import check_recipe, judge_run, margin, recipe_for

DIMS: dict[Any, int] = {"video": 512, "audio": 128, "text": 384}
TRIVIAL = {"title_mean": 0.852, "previous": 0.846, "neighbours": 0.804}
SIZES = {"tiny": 400_000, "small": 1_600_000, "base": 87_000_000, "published": 87_000_000}


def check(
    recipe: Recipe, titles: int = 100, shots: int = 20_000, parameters: int = 1_600_000, **facts: Any
) -> list[str]:
    return check_recipe(recipe, titles, shots, DIMS, parameters, **facts)


@pytest.mark.parametrize(
    ("shots", "cuda", "name"),
    [
        (50, True, "tiny"),
        (9_999, True, "tiny"),
        (20_000, False, "small"),
        (199_999, True, "small"),
        (200_000, True, "base"),
        (5_000_000, False, "small"),
    ],
)
def test_the_recipe_follows_the_number_of_shots(shots: int, cuda: bool, name: str) -> None:
    chosen, reason = recipe_for(shots, cuda)
    assert chosen == name and chosen in recipe_names()
    assert f"{shots:,}" in reason


@pytest.mark.parametrize(
    ("name", "shots", "titles"), [("tiny", 3_000, 30), ("small", 57_980, 300), ("base", 957_000, 900)]
)
def test_a_recipe_on_its_catalogue_needs_no_advice(name: str, shots: int, titles: int) -> None:
    present = dict.fromkeys(DIMS, shots)
    assert check(load_recipe(name), titles, shots, SIZES[name], longest=900, present=present) == []
    assert recipe_for(shots, cuda=True)[0] == name


def test_a_recipe_far_too_large_is_told_which_one_suits() -> None:
    (advice,) = check(
        load_recipe("base", ["schedule.epochs=200", "data.shots_per_step=2048"]), 30, 3_000, SIZES["base"]
    )
    assert "87,000,000 parameters" in advice and "29,000 for each" in advice and "--recipe tiny" in advice
    assert "--recipe small" in check(load_recipe("base"), 300, 57_980, SIZES["base"])[0]
    assert "very few" in check(load_recipe("tiny"), 9, 500, SIZES["tiny"])[0]


@pytest.mark.parametrize(
    ("settings", "facts", "error", "words"),
    [
        ([], {"titles": 1, "shots": 1}, TrainingError, "1 shots in 1 titles"),
        ([], {"longest": 1}, TrainingError, "none has a neighbour"),
        ([], {"present": {"video": 0, "text": 0}}, TrainingError, "has any feature"),
        (["data.window=1"], {}, UsageError, r"data\.window = 1.*model\.max_shots = 512"),
    ],
)
def test_what_cannot_work_is_refused(
    settings: list[str], facts: dict[str, Any], error: type[MediafmError], words: str
) -> None:
    with pytest.raises(error, match=words) as caught:
        check(load_recipe("small", settings), **facts)
    assert caught.value.remedy


def test_processes_without_a_micro_batch_are_told() -> None:
    assert check(load_recipe("base"), 2_000, 957_000, SIZES["base"], processes=2) == []
    (advice,) = check(load_recipe("base"), 2_000, 957_000, SIZES["base"], processes=8)
    assert "6 of 8 processes" in advice and "data.micro_shots=4096" in advice


def test_a_window_longer_than_the_positions_is_refused_as_it_is_read() -> None:
    with pytest.raises(UsageError, match=r"data\.window = 600 is longer than model\.max_shots = 512; lower"):
        load_recipe("small", ["data.window=600"])


@pytest.mark.parametrize(
    ("settings", "facts", "words"),
    [
        (["data.shots_per_step=30000", "schedule.epochs=200"], {}, "more than the 20,000 shots of an epoch"),
        (["schedule.epochs=2"], {}, "about 20 steps"),
        (["masking.share=0.1", "data.window=8"], {}, "of about 8 shots is less than one shot"),
        (["masking.share=0.1"], {"titles": 4_000, "longest": 7}, "of about 6 shots"),
        ([], {"titles": 3}, "3 titles are few"),
    ],
)
def test_following_advice_settles_it(settings: list[str], facts: dict[str, Any], words: str) -> None:
    (advice,) = check(load_recipe("small", settings), **facts)
    assert words in advice
    told = advice.split(" is less than", 1)[-1].split("single step", 1)[-1].split("steps, and", 1)[-1]
    remedies = re.findall(r"\w+\.\w+=[\w.]*\w", told)
    assert remedies
    assert check(load_recipe("small", [*settings, *remedies]), **facts) == []


def test_a_modality_that_nothing_has_is_named() -> None:
    (advice,) = check(load_recipe("small"), present={"video": 20_000, "audio": 0, "text": 5})
    assert advice.startswith("No shot to train on has audio: its 128 numbers")


def test_a_run_below_all_trivial_predictors_needs_no_advice() -> None:
    assert judge_run(0.8, TRIVIAL, load_recipe("small"), 50_000, 600, 600) == []
    assert margin(0.708, TRIVIAL) == pytest.approx(0.096)
    assert margin(float("inf"), TRIVIAL) is None


@pytest.mark.parametrize(
    ("shots", "steps", "best_step", "words"),
    [
        (300, 600, 600, "300 shots are too few"),
        (300, 20, 20, "20 steps are too few: raise schedule.epochs=20"),
        (50_000, 600, 600, "raise schedule.epochs=20 to 60"),
        (50_000, 600, 20, "lower optimizer.rate=0.004"),
        (50_000, 600, 300, "best after 300 of 600 steps"),
    ],
)
def test_a_run_that_learned_nothing_is_told_what_to_try(shots: int, steps: int, best_step: int, words: str) -> None:
    recipe = load_recipe("small", ["schedule.epochs=20", "optimizer.rate=0.004"])
    (advice,) = judge_run(0.81, TRIVIAL, recipe, shots, steps, best_step)
    assert "0.810 is not below that of the mean of both neighbours, 0.804" in advice
    assert words in advice
