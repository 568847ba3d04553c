"""Tiny folders in the public layouts, drawn and written here."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

FPS = 24
# Last frames of five shots; scenes of MovieNet titles end with shots 1 and 2.
SHOT_ENDS = (47, 119, 143, 239, 287)
LABELS = (0, 1, -1, 0)


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def shot_lines(ends: Sequence[int] = SHOT_ENDS) -> str:
    lines, start = [], 0
    for end in ends:
        quarter = (end - start) // 4
        lines.append(f"{start} {end} {start + quarter} {start + 2 * quarter} {start + 3 * quarter}")
        start = end + 1
    return "\n".join(lines) + "\n"


def label_lines(labels: Sequence[int] = LABELS) -> str:
    return "".join(f"{shot:04d} {label}\n" for shot, label in enumerate(labels))


def draw_keyframes(folder: Path, shots: int, seed: int) -> None:
    """Three drifting stills of coarse noise a shot, 96 x 54."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    for shot in range(shots):
        blocks = rng.integers(0, 256, (9, 18, 3), np.uint8).repeat(6, axis=0).repeat(6, axis=1)
        for image in range(3):
            picture = Image.fromarray(np.ascontiguousarray(blocks[:, image * 4 : image * 4 + 96]))
            picture.save(folder / f"shot_{shot:04d}_img_{image}.jpg", quality=90)


def movienet_folder(root: Path, titles: int = 6, rates: bool = True) -> Path:
    """Titles tt0000001, tt0000002 ...: shots, labels, keyframes; the first has subtitles and metadata as well."""
    ids = [f"tt{i:07d}" for i in range(1, titles + 1)]
    for number, title in enumerate(ids):
        write(root / "scene318/shot_movie318" / f"{title}.txt", shot_lines())
        write(root / "scene318/label318" / f"{title}.txt", label_lines())
        draw_keyframes(root / "240P_frames" / title, len(SHOT_ENDS), seed=number)
    split = {"train": ids[:-2], "val": ids[-2:-1], "test": ids[-1:], "all": ids}
    write(root / "scene318/meta/split318.json", json.dumps(split))
    write(root / "subtitle" / f"{ids[0]}.srt", "1\n00:00:01,000 --> 00:00:04,000\nWhere are we?\n")
    about = {"imdb_id": ids[0], "title": "One (2001)", "genres": ["Drama"], "overview": "Noise drifts."}
    write(root / "meta" / f"{ids[0]}.json", json.dumps(about))
    if rates:
        content = {title: {"fps": FPS, "resolution": [96, 54]} for title in ids}
        write(root / "movie1K.video_info.v1.json", json.dumps(content))
    return root


def bbc_folder(root: Path) -> Path:
    """Two episodes of five shots with frames lost between shots 0 and 1, as three people saw them."""
    scenes = ("0,2,4,5", "0,2,5", "0,3,4,5")
    for episode in ("01_First_Things", "02_Last_Things"):
        write(root / "annotations/shots" / f"{episode}.txt", "0\t47\n52\t119\n120\t143\n144\t239\n240\t287\n")
        for annotator, starts in enumerate(scenes):
            write(root / "annotations/scenes" / f"annotator_{annotator}" / f"{episode}.txt", starts)
    return root


def ovsd_folder(root: Path, films: Sequence[str] = ("Big Noise", "Small_Noise")) -> Path:
    for film in films:
        write(root / "scenes" / f"{film}.txt", "0\t119\n120\t143\n\n144\t287\n")
    return root
