"""A small catalog of planted scenes with words, cues and chapters, and a probe that knows which shots are worth it."""

from fractions import Fraction

import numpy as np
import pytest

from mediafm.catalog import Catalog, CatalogSpec, EncoderSpec, ShotRecord, TitleRecord
from mediafm.fusion import unit_rows
from mediafm.probes import run_probe
from mediafm.probes.saved import SavedProbe
from mediafm.probes.tasks import Split, Task
from mediafm.types import Cue, Features, Shot, ShotCue

SCENES = (6, 9, 5, 10)  # shots; each of them two seconds
STARTS = (0, 6, 15, 20)
SHOTS, SHOT_S = sum(SCENES), 2
WORDS = ("harbour ships", "bakery bread", "station trains", "garden roses")
TITLES = 6
WORTHY = 2  # the number of the scene that is worth a clip


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """Titles t0 ... t5 of four scenes; a line inside the second shot of each, one over the third cut."""
    rng = np.random.default_rng(0)
    encoders = {m: EncoderSpec(m, 12, f"{m}-1") for m in ("video", "text")}
    catalog = Catalog.create(tmp_path_factory.mktemp("uses") / "catalog", CatalogSpec("test", "fixed", encoders))
    kinds = {m: unit_rows(rng.normal(size=(len(SCENES), 12))) for m in encoders}
    scene = np.repeat(np.arange(len(SCENES)), SCENES)
    with catalog.batch_writer() as batch:
        for number in range(TITLES):
            vectors = {m: _noisy(kinds[m][scene], rng) for m in encoders}
            features = Features(vectors, {m: np.ones(SHOTS, dtype=bool) for m in encoders})
            with batch.writer(f"t{number}") as writer:
                writer.append([_shot(i, scene[i]) for i in range(SHOTS)], features, {})
                own = (("One", 0, 12), ("Two", 12, 60))
                chapters = [
                    {"title": name, "start_s": float(a), "end_s": float(b), "start_pts": a, "end_pts": b}
                    for name, a, b in own
                ]
                extra = {"chapters": chapters} if number == 0 else {}
                record = TitleRecord(title_id=f"t{number}", time_base=Fraction(1), end_pts=SHOT_S * SHOTS, extra=extra)
                writer.commit(record, None)
    return catalog


def _noisy(rows, rng):
    return unit_rows(rows + 0.05 * rng.normal(size=rows.shape)).astype(np.float32)


def _shot(i, scene):
    shot = Shot(i, SHOT_S * i, SHOT_S * i + SHOT_S, 0, 0)
    cues = ()
    if i - STARTS[scene] == 1:
        cues = (ShotCue(Cue(2000 * i + 500, 2000 * i + 1500, WORDS[scene]), 1.0),)
    if i in (STARTS[3] - 1, STARTS[3]):  # said across the last scene's cut
        cues = (ShotCue(Cue(2000 * STARTS[3] - 400, 2000 * STARTS[3] + 300, "goodbye everyone"), 0.5),)
    text = " ".join(c.cue.text for c in cues)
    return ShotRecord.from_shot(shot, Fraction(1), text=text, cues=cues)


@pytest.fixture
def catalog(made, tmp_path, monkeypatch):
    monkeypatch.setenv("MEDIAFM_CACHE", str(tmp_path / "cache"))
    return made


def fitted(catalog, folder, unit="shot", kind="binary", features="video", column="worthy", truth=None):
    """A saved probe of shots or clips of t0 ... t4; truth: (title number, shot) -> the label's words in CSV."""
    truth = truth or (lambda _, shot: int(STARTS[WORTHY] <= shot < STARTS[WORTHY + 1]))
    folder.mkdir(parents=True, exist_ok=True)
    rows = [f"t{t},{SHOT_S * i},{SHOT_S * i + SHOT_S},{truth(t, i)}" for t in range(TITLES - 1) for i in range(SHOTS)]
    (folder / "labels.csv").write_text(f"title,start,end,{column}\n" + "\n".join(rows))
    task = Task(
        name=folder.name, kind=kind, unit=unit, labels=folder / "labels.csv", split=Split(folds=2), inner_folds=2
    )
    run_probe(catalog, task, [features], folder / "out", curve=False)
    return folder / "out" / "probes" / features


@pytest.fixture(scope="session")
def worthy_folder(made, tmp_path_factory):
    return fitted(made, tmp_path_factory.mktemp("probes") / "worthy")


@pytest.fixture(scope="session")
def starts_folder(made, tmp_path_factory):
    """Where scenes begin, told by the picture of a shot beside that of the shot before it."""
    folder = tmp_path_factory.mktemp("probes") / "starts"
    return fitted(made, folder, features="past_future_1", truth=lambda _, shot: int(shot in STARTS[1:]))


@pytest.fixture
def worthy(worthy_folder):
    return SavedProbe.load(worthy_folder)


@pytest.fixture
def starts(starts_folder):
    return SavedProbe.load(starts_folder)
