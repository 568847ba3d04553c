import pytest

from fake_catalog import FakeCatalog
from mediafm.config import DataRecipe
from mediafm.errors import TrainingError
from mediafm.sequences import FeatureCache
from mediafm.train.split import choose_split


def test_whole_titles_are_held_out() -> None:
    split = choose_split(FeatureCache.open(FakeCatalog(titles=6, shots=30)), DataRecipe(validation_share=0.3))
    sides = [{s.title for s in side} for side in (split.training, split.validation)]
    assert not sides[0] & sides[1] and len(sides[0] | sides[1]) == 6 and all(sides)
    assert all(len(s) == 30 for s in (*split.training, *split.validation))


def test_tails_of_a_single_title_are_held_out() -> None:
    cache = FeatureCache.open(FakeCatalog(titles=1, shots=80))
    with pytest.raises(TrainingError, match="hold_out=tails"):
        choose_split(cache, DataRecipe())
    split = choose_split(cache, DataRecipe(hold_out="tails", validation_share=0.25))
    assert [(s.start, s.stop) for s in split.training] == [(0, 60)]
    assert [(s.start, s.stop) for s in split.validation] == [(60, 80)]


@pytest.mark.parametrize(("share", "words"), [(0.001, "none to validate on"), (0.999, "none to train on")])
def test_tails_that_leave_one_side_empty_are_refused(share: float, words: str) -> None:
    cache = FeatureCache.open(FakeCatalog(titles=4, shots=30))
    with pytest.raises(TrainingError, match=words) as refused:
        choose_split(cache, DataRecipe(hold_out="tails", validation_share=share))
    assert "data.validation_share" in refused.value.remedy


def test_too_few_shots_are_refused() -> None:
    with pytest.raises(TrainingError, match="too few"):
        choose_split(FeatureCache.open(FakeCatalog(titles=2, shots=10)), DataRecipe(hold_out="tails"))
