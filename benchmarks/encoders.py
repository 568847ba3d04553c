"""How much of an encoder's own speed is left when it is fed from a real film through ingest.

    python benchmarks/encoders.py FILM [ENCODER ...] [--random clip wav2vec2 clap] [--detector content]

ENCODER: `offline-video`, `offline-audio`, `minilm`, or KIND=MODEL with a model folder or hub id: `clip=`, `omni=`
(they see), `wav2vec2=`, `clap=` (they hear), `sentence=` (reads). Default: the three of the preset `offline`.

--random: also models of published sizes with random weights, which are as fast as trained ones: SigLIP base (patch 16,
224 pixels), wav2vec 2.0 base and CLAP (HTSAT-tiny, unfused). Encoders run on CUDA where there is one.

Of each encoder, in shots a second over the same shots:

- `model`: the model alone, in full batches of prepared tensors: the time inside its modules while the shots lie in
  memory.
- `encode`: `Encoder.encode` on shots in memory: the model and the preparation of its input.
- `ingest`: the film ingested with this encoder alone into a fresh catalog, less what ingesting it again costs, which
  is start-up and nothing else. Reading, cutting and storing go on meanwhile.

`reading` is how fast the film can be read with nothing to encode: no encoder can be fed faster. `share` is ingest over
model, `share_of_possible` ingest over the slower of encode and reading. Where film and encoder want the same
processors, one must give way and neither can be reached.

`cpu_share` is the model's processor time over that of ingest's own process (reading has processes of its own): what is
left where there are processors enough. Unlike the others it hardly depends on what else the machine does.
"""

import argparse
import json
import os
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from mediafm.encoders import Encoder, checked, load_preset
from mediafm.encoders.weights import quiet
from mediafm.ingest import ingest
from mediafm.ingest.encoding import frames_wanted, sample_rate_wanted
from mediafm.reading import ReadRequest, ReadShot, read_title
from mediafm.types import ShotInput

SLOTS = {"clip": "video", "omni": "video", "wav2vec2": "audio", "clap": "audio", "sentence": "text", "minilm": "text",
         "offline-video": "video", "offline-audio": "audio"}  # fmt: skip


def preset_file(folder: Path, encoder: str, detector: str) -> Path:
    """A preset of this encoder alone."""
    kind, _, model = encoder.partition("=")
    table = f'kind = "{kind.partition("-")[0]}"\n' + (f'model = "{model}"\n' if model else "")
    file = folder / f"{kind}.toml"
    file.write_text(f'name = "{kind}"\n[detector]\nname = "{detector}"\n[encoders.{SLOTS[kind]}]\n{table}')
    return file


class InModules:
    """Seconds, and processor seconds, in which some torch module was at work, on whatever thread."""

    def __init__(self) -> None:
        self.seconds = self.cpu = self._began = self._cpu_began = 0.0
        self._depth = 0
        self._lock = threading.Lock()

    @contextmanager
    def counting(self) -> Iterator[None]:
        before = torch.nn.modules.module.register_module_forward_pre_hook(self._enter)
        after = torch.nn.modules.module.register_module_forward_hook(self._leave)
        try:
            yield
        finally:
            before.remove()
            after.remove()

    def _enter(self, *_: Any) -> None:
        with self._lock:
            if self._depth == 0:
                self._began, self._cpu_began = now(), time.process_time()
            self._depth += 1

    def _leave(self, *_: Any) -> None:
        with self._lock:
            self._depth -= 1
            if self._depth == 0:
                self.seconds += now() - self._began
                self.cpu += time.process_time() - self._cpu_began


def now() -> float:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter()


def read(film: Path, preset: Path) -> tuple[list[ShotInput], Encoder, float]:
    """The film's shots as this preset wants them, its encoder, and the seconds that reading took."""
    loaded = load_preset(preset)
    (encoder,) = loaded.encoders.values()
    (frames, side), rate = frames_wanted(loaded), sample_rate_wanted(loaded)
    began = time.perf_counter()
    events = read_title(ReadRequest(film, loaded.detector.name, {}, frames, side, "", 0, rate))
    shots = [event.input for event in events if isinstance(event, ReadShot)]
    return shots, encoder, time.perf_counter() - began


def in_memory(encoder: Encoder, shots: Sequence[ShotInput]) -> tuple[float, float, float]:
    """(seconds in the model, its processor seconds, seconds in all) of encoding the shots in full batches."""
    batches = [shots[i : i + encoder.batch] for i in range(0, len(shots), encoder.batch)]
    checked(encoder, batches[0])  # whatever is loaded, compiled or allocated the first time
    inside, began, cpu = InModules(), now(), time.process_time()
    with inside.counting():
        for batch in batches:
            checked(encoder, batch)
    whole, whole_cpu = now() - began, time.process_time() - cpu
    return inside.seconds or whole, inside.cpu or whole_cpu, whole


def through_ingest(film: Path, preset: Path) -> tuple[float, float]:
    """(seconds, processor seconds) of ingesting the film, less those of finding that nothing is to be done."""
    with tempfile.TemporaryDirectory() as folder:
        spent = []
        for _ in range(2):
            cpu = time.process_time()
            summary = ingest([film], f"{folder}/catalog", str(preset))
            spent.append((summary.seconds, time.process_time() - cpu))
    (full, full_cpu), (idle, idle_cpu) = spent
    return full - idle, full_cpu - idle_cpu


def measure(film: Path, preset: Path) -> dict[str, Any]:
    shots, encoder, reading = read(film, preset)
    seen = [shot for shot in shots if encoder.sees(shot)]
    row: dict[str, Any] = {"encoder": preset.stem, "dim": encoder.dim, "shots": len(shots), "encoded": len(seen)}
    if not seen:
        return row | {"note": "the film has nothing for it"}
    model, model_cpu, whole = in_memory(encoder, seen)
    seconds, cpu = through_ingest(film, preset)
    rates = {"reading": len(shots) / reading, "model": len(seen) / model, "encode": len(seen) / whole}
    rates["ingest"] = len(seen) / seconds
    return row | {key: round(rate, 2) for key, rate in rates.items()} | {
        "share": round(rates["ingest"] / rates["model"], 3),
        "cpu_share": round(model_cpu / cpu, 3),
        "share_of_possible": round(rates["ingest"] / min(rates["encode"], rates["reading"]), 3),
    }  # fmt: skip


def random_model(kind: str, folder: Path) -> str:
    """A model of a published size, saved with random weights, as this program takes it."""
    import transformers as tf
    from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil

    if kind == "clip":
        parts = tf.SiglipVisionModel(tf.SiglipVisionConfig(patch_size=16)), SiglipImageProcessorPil()
    elif kind == "wav2vec2":
        parts = tf.Wav2Vec2Model(tf.Wav2Vec2Config()), tf.Wav2Vec2FeatureExtractor()
    else:
        extractor = tf.ClapFeatureExtractor(truncation="rand_trunc")
        parts = tf.ClapAudioModelWithProjection(tf.ClapAudioConfig()), extractor
    for part in parts:
        part.save_pretrained(folder / kind)
    return f"{kind}={folder / kind}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("film", type=Path)
    parser.add_argument("encoders", nargs="*", default=["offline-video", "offline-audio", "minilm"])
    parser.add_argument("--random", nargs="+", choices=["clip", "wav2vec2", "clap"], default=[])
    parser.add_argument("--detector", default="content")
    options = parser.parse_args()
    if unknown := [e for e in options.encoders if e.partition("=")[0] not in SLOTS]:
        parser.error(f"unknown encoders {', '.join(unknown)}; there are {', '.join(SLOTS)}")
    device = "cuda" if torch.cuda.is_available() else "cpu"
    where = {
        "processors": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "device": device,
        "load": os.getloadavg()[0],
        "film": options.film.name,
    }
    print(json.dumps(where), flush=True)
    with tempfile.TemporaryDirectory() as folder, quiet():
        for encoder in [*options.encoders, *(random_model(kind, Path(folder)) for kind in options.random)]:
            file = preset_file(Path(folder), encoder, options.detector)
            print(json.dumps(measure(options.film, file)), flush=True)


if __name__ == "__main__":
    main()
