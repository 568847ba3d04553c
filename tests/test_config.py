import pytest

from mediafm.config import Recipe, load_recipe, parse_recipe, recipe_names
from mediafm.errors import UsageError


def test_all_packaged_recipes_load() -> None:
    assert recipe_names() == ["base", "published", "small", "tiny"]
    for name in recipe_names():
        assert isinstance(load_recipe(name), Recipe)


def test_published_recipe_is_as_published() -> None:
    recipe = load_recipe("published")
    assert (recipe.model.positions, recipe.model.norm, recipe.model.max_shots) == ("learned", "post", 512)
    assert (recipe.masking.share, recipe.masking.kept, recipe.masking.random) == (0.2, 0, 0)
    assert recipe.fusion.centring == "none"
    assert recipe.optimizer.hidden == "muon"


def test_a_recipe_written_as_toml_reads_back_equal(tmp_path) -> None:
    recipe = load_recipe("small", ["data.validation_titles=s05*, s06*", "run.compile=true", "optimizer.rate=1e-5"])
    path = tmp_path / "mine.toml"
    path.write_text(recipe.to_toml())
    assert load_recipe(path) == recipe


def test_overrides_take_the_type_of_the_schema() -> None:
    recipe = load_recipe(
        "tiny",
        [
            "model.layers=4",
            "optimizer.rate=0.01",
            "run.compile=true",
            'data.exclude_titles=["a*", "b"]',
            "data.split_seed=7",
        ],
    )
    assert recipe.model.layers == 4
    assert recipe.optimizer.rate == 0.01
    assert recipe.run.compile is True
    assert recipe.data.exclude_titles == ("a*", "b")
    assert recipe.data.split_seed == 7


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("model.layerz=4", ["model.layerz", "layers"]),
        ("model.layers=x", ["model.layers", "'x'", "integer"]),
        ("model.positions=sideways", ["model.positions", "'sideways'", "learned", "rotary"]),
        ("masking.share=1.5", ["masking.share", "1.5", "less than 1"]),
        ("nonsense.a=1", ["nonsense", "model", "schedule"]),
        ("model.heads=5", ["hidden = 96", "heads = 5"]),
        ("data.window=900", ["data.window = 900", "model.max_shots = 512"]),
        ("data.shots_per_step=100", ["data.shots_per_step = 100"]),
        ("masking.kept=0.95", ["kept + random", "[MASK]"]),
        ("schedule.warmup=0.9", ["warmup + decay"]),
        ("model=4", ["section.key=value"]),
        ("optimizer.rate", ["section.key=value"]),
        ("optimizer.rate=nan", ["optimizer.rate"]),
    ],
)
def test_what_cannot_work_is_refused_by_name(override: str, words: list[str]) -> None:
    with pytest.raises(UsageError) as caught:
        load_recipe("tiny", [override])
    for word in words:
        assert word in str(caught.value)


def test_unknown_recipe_names_the_choices(tmp_path) -> None:
    with pytest.raises(UsageError, match="base, published, small, tiny"):
        load_recipe("medium")
    broken = tmp_path / "broken.toml"
    broken.write_text("[model\n")
    with pytest.raises(UsageError, match=r"broken\.toml is not TOML"):
        load_recipe(broken)


def test_a_section_that_is_no_table_is_refused() -> None:
    with pytest.raises(UsageError, match="model"):
        parse_recipe({"model": 3}, "here")
