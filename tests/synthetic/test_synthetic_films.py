"""Films on disk: playable, exact, repeatable, resumable."""

from pathlib import Path

import numpy as np
import pytest

from mediafm.errors import UsageError
from mediafm.media import load_cues, load_metadata, open_title, probe
from mediafm.synthetic import GENRES, plan_catalogue, render_title, title_cues, write_catalogue
from mediafm.synthetic.plan import FPS
from mediafm.synthetic.tones import RATE

SHAPE = {"seed": 2, "titles": 2, "shots_per_title": 16}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("films")
    write_catalogue(folder, **SHAPE, workers=2)
    return folder


def test_cues_lie_well_inside_their_shots() -> None:
    for plan in plan_catalogue(0, 6, 72):
        cues = iter(title_cues(plan))
        for shot in plan.shots:
            if shot.line or shot.sound:
                cue = next(cues)
                assert 1000 * shot.start_frame / FPS < cue.start_ms < cue.end_ms < 1000 * shot.end_frame / FPS
                assert shot.line in cue.text
        assert next(cues, None) is None


def test_a_rendered_title_holds_together() -> None:
    plan = plan_catalogue(**SHAPE)[0]
    title = render_title(plan)
    assert sum(1 for _ in title.frames) == plan.frames
    assert len(title.samples) * FPS == plan.frames * title.sample_rate
    assert title.sample_rate == RATE


def test_films_play_with_every_frame_sound_and_subtitle(folder: Path) -> None:
    for plan in plan_catalogue(**SHAPE):
        path = folder / f"{plan.title_id}.mp4"
        with open_title(path) as reader:
            items = list(reader)
            pictures = sum(hasattr(item, "rgb") for item in items)
            sound = sum(len(item.samples) for item in items if hasattr(item, "samples"))
            assert (pictures, reader.decode_failures, reader.failure) == (plan.frames, 0, "")
        assert sound / 16_000 == pytest.approx(plan.seconds, abs=0.1)
        assert [c.text for c in load_cues(path, probe(path))] == [c.text for c in title_cues(plan)]


def test_metadata_names_every_title(folder: Path) -> None:
    metadata = load_metadata(folder / "metadata.csv")
    for plan in plan_catalogue(**SHAPE):
        known = metadata[plan.title_id]
        assert (known.name, known.synopsis, known.tags) == (plan.name, plan.synopsis, plan.tags)
        assert known.genres == (plan.genre,)
        assert plan.genre in GENRES


def test_a_second_run_keeps_films_and_makes_the_missing_one_again_with_the_same_pictures(folder: Path) -> None:
    first, second = folder / "film-01.mp4", folder / "film-02.mp4"
    kept, lost = first.stat().st_mtime_ns, _pictures(second)
    second.unlink()
    assert write_catalogue(folder, **SHAPE) == [first, second]
    assert first.stat().st_mtime_ns == kept
    assert np.array_equal(_pictures(second), lost)
    assert sorted(p.name for p in folder.iterdir() if p.suffix == ".mp4" or p.name.startswith(".")) == [
        "film-01.mp4",
        "film-02.mp4",
    ]


def _pictures(path: Path) -> np.ndarray:
    with open_title(path) as reader:
        return np.stack([item.scaled(45) for item in reader if hasattr(item, "rgb")])


def test_two_catalogues_are_not_mixed_in_one_folder(folder: Path) -> None:
    with pytest.raises(UsageError, match="holds a synthetic catalogue"):
        write_catalogue(folder, seed=9, titles=2, shots_per_title=16)
