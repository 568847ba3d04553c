import numpy as np
import pytest
import torch

from mediafm.errors import CatalogError, MismatchError, UsageError
from mediafm.fusion import FusionSpec, FusionStats, fuse
from mediafm.model import Checkpoint, ShotTransformer, ShotTransformerConfig
from mediafm.search import Options, Words, find, parse_example
from mediafm.search.encoding import GivenText
from mediafm.search.through import Through
from mediafm.sequences import encoder_facts
from probes.fake_catalog import unit
from search.mixed_catalog import make_catalog

WORDS = unit(np.random.default_rng(7).normal(size=(1, 12)))[0]


@pytest.fixture(scope="module")
def catalog():
    made = make_catalog()
    for encoder in made.spec.encoders.values():
        encoder.dim, encoder.licence = 12, "MIT"
    return made


@pytest.fixture(scope="module")
def run(catalog, tmp_path_factory):
    spec = FusionSpec(dict.fromkeys(("video", "audio", "text"), 12), "mean")
    stats = FusionStats.fit((f for _, f in catalog.iter_features()), spec)
    config = ShotTransformerConfig(blocks=(12, 12, 12), global_dim=0, hidden=16, layers=2, heads=2, max_shots=16)
    model = ShotTransformer(config, torch.Generator().manual_seed(0))
    origin = {"encoders": encoder_facts(catalog)}
    folder = tmp_path_factory.mktemp("runs") / "small"
    Checkpoint(model, stats.to_meta(), stats.to_arrays(), origin).save(folder)
    return folder


def test_what_is_found_lies_nearest_to_the_prediction(catalog, run):
    through = Through(catalog, str(run))
    predicted = through.predicted(WORDS)
    assert np.linalg.norm(predicted) == pytest.approx(1, abs=1e-5)
    encoders = GivenText(catalog, lambda _: WORDS[None], "text-print")
    options = Options(through=str(run), ways=["predicted"], keep_duplicates=True)
    hits = find(catalog, [Words("storm")], k=15, encoders=encoders, options=options).hits
    stats = FusionStats.from_arrays(through.checkpoint.fusion_arrays, through.checkpoint.fusion_meta)
    rows = {t: fuse(f, stats)[0] @ predicted for t, f in catalog.iter_features()}
    assert len(hits) == 15
    assert [h.score for h in hits] == pytest.approx([float(rows[h.title][h.first_shot]) for h in hits], abs=1e-5)
    assert [h.score for h in hits] == sorted((h.score for h in hits), reverse=True)


def test_the_words_and_the_place_both_tell(catalog, run):
    alone = Through(catalog, str(run)).predicted(WORDS)
    assert not np.allclose(alone, Through(catalog, str(run)).predicted(-WORDS))
    placed = Through(catalog, str(run), parse_example("alps@2-4", catalog.title_ids())).predicted(WORDS)
    assert not np.allclose(alone, placed)


def test_other_encoders_and_no_text_are_refused(catalog, run):
    other = make_catalog()
    for encoder in other.spec.encoders.values():
        encoder.dim, encoder.licence = 12, "MIT"
    other.spec.encoders["video"].fingerprint = "another"
    with pytest.raises(MismatchError, match=r"trained on video features.*another"):
        Through(other, str(run))
    with pytest.raises(UsageError, match="Words cannot go through a model"):
        find(catalog, [Words("storm")], encoders=GivenText(catalog, None, None), options=Options(through=str(run)))
    with pytest.raises(CatalogError, match="no text vectors"):
        bare = make_catalog()
        del bare.spec.encoders["text"]
        find(bare, [Words("storm")], encoders=GivenText(bare, lambda _: WORDS[None], "text-print"))
