"""A tiny CLIP, and films of a few coloured frames with captions in its few words."""

from pathlib import Path

import pytest

from encoders.tiny_models import save_clip
from seqclip_films import CAPTIONS, write_clip, write_pairs


@pytest.fixture(scope="session")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten films of a second and `pairs.jsonl`; two films have two captions, some captions are of several films."""
    folder = tmp_path_factory.mktemp("films")
    names = [write_clip(folder / f"{number}.mp4", number).name for number in range(10)]
    lines = [{"video": name, "caption": CAPTIONS[i % 6]} for i, name in enumerate(names)]
    lines += [{"video": names[0], "caption": CAPTIONS[3]}, {"video": names[4], "caption": CAPTIONS[1]}]
    write_pairs(folder / "pairs.jsonl", lines)
    return folder


@pytest.fixture(scope="session")
def clip_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_clip(tmp_path_factory.mktemp("clip") / "tiny")
