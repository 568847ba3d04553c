"""The known answers of a synthetic catalogue: every shot, scene and clip, label tables for probes, true cuts."""

import csv
import json
from collections.abc import Callable, Sequence
from pathlib import Path

from mediafm.synthetic import truth_rows as rows
from mediafm.synthetic.known import TableFacts, write_facts
from mediafm.synthetic.plan import FPS, TitlePlan
from mediafm.synthetic.truth_rows import Row

Rows = list[Row]
TitleRows = Callable[[TitlePlan], Rows]

# Label tables that are made title by title, and what is known of each. A table that a packaged task is made for is
# called labels_ and the task's name.
_OF_TITLE: dict[str, tuple[TitleRows, TableFacts]] = {
    "labels_tone": (rows.tones, TableFacts("shot", "multilabel", "story")),
    "labels_scene_start": (rows.scene_starts, TableFacts("shot", "binary", "story")),
    "labels_location": (rows.locations, TableFacts("shot", "multilabel", "story")),
    "labels_scale": (rows.scales, TableFacts("shot", "multilabel", "shot")),
    "labels_clipworthy": (rows.clip_worthy_scenes, TableFacts("clip", "binary", "story")),
    "labels_genre": (rows.genre, TableFacts("title", "multilabel", "title")),
    "labels_shot_subject": (rows.subjects, TableFacts("shot", "multilabel", "shot")),
    "labels_shot_location": (rows.shown_locations, TableFacts("clip", "multilabel", "shot")),
    "labels_story_location": (rows.hidden_locations, TableFacts("clip", "multilabel", "story")),
    "labels_story_tone": (rows.hidden_tones, TableFacts("clip", "multilabel", "story")),
    "labels_story_climax": (rows.climaxes, TableFacts("clip", "binary", "story")),
    "labels_ad_relevancy": (rows.ad_relevancy, TableFacts("clip", "multilabel", "story", "ad_relevancy")),
    "labels_clip_popularity": (rows.clip_popularity, TableFacts("clip", "ranking", "story", "clip_popularity")),
    "labels_clip_tone": (rows.clip_tone, TableFacts("clip", "multilabel", "story", "clip_tone")),
    "labels_clip_genre": (rows.clip_genre, TableFacts("clip", "multilabel", "story", "clip_genre")),
    "labels_clip_retrieval": (rows.clip_retrieval, TableFacts("clip", "binary", "story", "clip_retrieval")),
    "labels_title_genre": (rows.genre, TableFacts("title", "multilabel", "title", "title_genre")),
    "labels_rating_band": (rows.rating, TableFacts("title", "multiclass", "title", "rating_band")),
    "labels_scenes": (rows.scene_spans, TableFacts("shot", "binary", "story", "scenes")),
}
SIMILAR = "labels_similar_titles"
FILM_TABLES: dict[str, TableFacts] = {
    **{name: facts for name, (_, facts) in _OF_TITLE.items()},
    SIMILAR: TableFacts("title", "similarity", "title", "similar_titles"),
}


def tables(plans: Sequence[TitlePlan]) -> dict[str, Rows]:
    """All tables by name: `shots` and `clips` (all that is known of each), and the label tables of `FILM_TABLES`.

    Spans are seconds from the title's zero; labels are 0 or 1 unless docs/synthetic.md says otherwise. A table without
    rows is left out: a single title is similar to none. Plans are only read, and luck is the truth's own.
    """
    made: dict[str, Rows] = {
        "shots": [row for plan in plans for row in rows.shots(plan)],
        "clips": [row for plan in plans for row in rows.clips(plan)],
        **{name: [row for plan in plans for row in make(plan)] for name, (make, _) in _OF_TITLE.items()},
        SIMILAR: rows.similar(plans),
    }
    return {name: found for name, found in made.items() if found}


def cuts(plans: Sequence[TitlePlan]) -> dict[str, Row]:
    """Per title: frame rate, number of frames, and every cut with the first frame of the new shot.

    The cut of a dissolve is its middle.
    """
    return {
        p.title_id: {
            "fps": FPS,
            "frames": p.frames,
            "cuts": [
                {
                    "frame": s.start_frame,
                    "seconds": rows.seconds(s.start_frame),
                    "kind": "dissolve" if s.dissolve else "cut",
                }
                for s in p.shots[1:]
            ],
        }
        for p in plans
    }


def write_truth(folder: Path, plans: Sequence[TitlePlan]) -> None:
    """Write every table as `NAME.csv`, what is known of the label tables as `tables.json`, and `cuts.json`."""
    folder.mkdir(parents=True, exist_ok=True)
    made = tables(plans)
    for name, found in made.items():
        write_csv(folder / f"{name}.csv", found)
    write_facts(folder, {name: facts for name, facts in FILM_TABLES.items() if name in made})
    (folder / "cuts.json").write_text(json.dumps(cuts(plans), indent=1), encoding="utf-8")


def write_csv(path: Path, table: Sequence[Row]) -> None:
    """Write rows that all have the same keys as UTF-8 CSV with a header."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(table[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(table)
