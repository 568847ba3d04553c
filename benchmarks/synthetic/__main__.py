"""Quality where the answer is known: pretrain on synthetic features, and probe what the process hides in each shot.

    python benchmarks/synthetic OUT                                  50,000 shots, three seeds
    python benchmarks/synthetic OUT --shots 5000 50000 500000        how much catalogue is enough

Pretraining sees the features of a catalogue of the size asked for. Probes learn on labelled titles of the same world
and are judged by others; pretraining sees neither. `ceiling` is the posterior of every label under the process's own
law: nothing can score better but by luck. The recipe is `small` under SETTINGS, with equal steps for every size (but no
shot is seen more than a hundred times). Everything done is kept in OUT and not done again (delete OUT where code has
changed). One JSON document is printed, the tables go to stderr; both are kept in OUT.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from bench import TRIVIAL, Bench, Judged, averaged, widths
from report import gain, least_gain, markdown, scores, way
from runs import ALONE, CONTEXT, UNTRAINED, Size, run

from mediafm.cli.progress import progress
from mediafm.config import load_recipe
from mediafm.model.folder import replace_file, to_json

# Half of the masked shots lose only some of their modalities: what one modality tells of another is asked for.
SETTINGS = ("masking.share=0.3", "masking.modality=0.5", "data.shots_per_step=1024")


def main() -> None:
    options = _options()
    recipe = load_recipe(options.recipe, [*SETTINGS, *options.settings])
    bench = Bench(options.world, options.teaching, options.testing, options.out / "probes")
    chance, top = bench.prevalence(), bench.ceiling()
    trivial = {name: bench.trivial(name) for name in TRIVIAL}
    document: dict[str, Any] = {
        "families": bench.families,
        "labels": list(bench.labels),
        "test": {"titles": options.testing, "shots": bench.judging_shots},
        "recipe": recipe.model_dump(mode="json"),
        "runs": {},
        "rows": {},
    }
    _add(document, bench, "chance", chance)
    for name, judged in trivial.items():
        _add(document, bench, name, judged, way=way(judged, trivial["concat"], top, bench.families))
    seeds = options.seeds if len(options.seeds) > 1 else options.seeds * len(options.shots)
    for shots, count in zip(options.shots, seeds, strict=True):
        size = Size(shots, options.steps)
        with progress() as shown:
            found = [run(bench, size, seed, recipe, options.out, shown) for seed in range(count)]
        document["runs"][str(shots)] = [{k: v for k, v in one.items() if k != "rows"} for one in found]
        for row in (UNTRAINED, ALONE, CONTEXT):
            judged = averaged([one["rows"][row] for one in found])
            extra = {
                "way": way(judged, trivial["concat"], top, bench.families),
                "least_gain": least_gain(judged, trivial, bench.families),
                "least_gain_on_widths": least_gain(judged, {name: trivial[name] for name in widths()}, bench.families),
                "seeds": [one["rows"][row].score_F.tolist() for one in found],
            }
            if row == CONTEXT:
                untrained = averaged([one["rows"][UNTRAINED] for one in found])
                extra["gain_on_untrained"] = gain(judged, untrained, bench.families)
            _add(document, bench, f"{row}, {shots:,} shots", judged, **extra)
    _add(document, bench, "ceiling", top)
    text = markdown(document)
    replace_file(options.out / "synthetic.json", to_json(document))
    replace_file(options.out / "synthetic.md", text.encode())
    print(text, file=sys.stderr)
    print(json.dumps(document, indent=1))


def _add(document: dict[str, Any], bench: Bench, name: str, judged: Judged, **extra: Any) -> None:
    labels = dict(zip(bench.labels, judged.score_L.tolist(), strict=True))
    document["rows"][name] = {
        "dim": judged.dim, "scores": scores(judged, bench.families), "labels": labels, **extra,
    }  # fmt: skip


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python benchmarks/synthetic", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=Path, help="folder for runs, probes and tables")
    parser.add_argument("--shots", type=int, nargs="+", default=[50_000], help="sizes of the catalogue pretrained on")
    parser.add_argument("--seeds", type=int, nargs="+", default=[3], help="runs of each size, or one number for all")
    parser.add_argument("--steps", type=int, default=1900, help="training steps, as far as a catalogue is no smaller")
    parser.add_argument("--recipe", default="small")
    parser.add_argument("--set", action="append", default=[], dest="settings", metavar="SECTION.KEY=VALUE",
                        help="a setting of the recipe")  # fmt: skip
    parser.add_argument("--teaching", type=int, default=100, help="labelled titles that teach the probes")
    parser.add_argument("--testing", type=int, default=100, help="labelled titles that judge")
    parser.add_argument("--world", type=int, default=0, help="seed of the process, the same for all sizes and seeds")
    return parser.parse_args()


if __name__ == "__main__":
    main()
