"""One title whose vectors of some modalities are made anew: what is read again of its film, and what is kept."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from mediafm.catalog import Rewritten, ShotRecord, Stored, TitleRecord, TitleSource
from mediafm.encoders import DetectorChoice, TextEncoder
from mediafm.errors import MediaError
from mediafm.ingest.batches import EncodedShot, features_of
from mediafm.ingest.change import Change
from mediafm.ingest.encoding import frames_of, keyframes, sample_rate_of
from mediafm.ingest.jobs import TitleJob
from mediafm.media import Only
from mediafm.reading import ReadRequest, ReadShot
from mediafm.shots import GIVEN
from mediafm.types import Features, FloatArray, Modality, Shot, ShotInput

_NOT_FROM_FILMS = ("import", "movienet:")  # how the detectors of imported titles begin


@dataclass(slots=True)
class Redone:
    """A title on its way. `done` fills in the order of its shots."""

    stored: Stored
    source: TitleSource
    done: list[Mapping[Modality, FloatArray]] = field(default_factory=list)
    pictures: dict[int, bytes] = field(default_factory=dict)
    read: int = 0  # shots that came from the film
    complete: bool = False

    @classmethod
    def of(cls, stored: Stored, path: Path | None = None) -> "Redone":
        """path: where its film is now, if it is needed."""
        record = stored.record
        where = record.path if path is None else str(path.absolute())
        return cls(stored, TitleSource(where, record.source_fingerprint, record.inputs_fingerprint))

    @property
    def record(self) -> TitleRecord:
        """The title's row."""
        return self.stored.record

    @property
    def shots(self) -> list[ShotRecord]:
        """The title's shots, which stay as they are."""
        return self.stored.shots

    def from_words(self, shot: ShotRecord) -> ReadShot:
        """A shot as it is without its film."""
        return ReadShot(shot.shot, shot.cues, ShotInput((), (), None, shot.text, shot.end_s - shot.start_s))

    def matched(self, read: ReadShot) -> ReadShot:
        """A shot as the film has it, with the words that are stored; MediaError where it is not the stored one."""
        stored = self.shots[self.read] if self.read < len(self.shots) else None
        if stored is None or stored.shot != read.shot:
            raise MediaError(
                f"{self.source.path}: read again, its shot {read.shot.index} is not the one that is stored.",
                "Ingest the film into another catalog: shots stay as they are here.",
            )
        self.read += 1
        return replace(read, input=replace(read.input, text=stored.text))

    def take(self, encoded: Sequence[EncodedShot]) -> None:
        """The title's next shots that are done."""
        self.pictures.update(keyframes([read for read, _ in encoded]))
        self.done += [rows for _, rows in encoded]

    def rewritten(self, change: Change) -> Rewritten:
        """The title's rows: new vectors where they were made anew, all else as it is stored.

        MediaError where words are to be embedded that were never stored.
        """
        old, new = self.stored.features, features_of(change.redo, self.done)
        if "text" in change.redo and "text" in old.present and (old.present["text"] & ~new.present["text"]).any():
            raise MediaError(
                f"The words of {self.record.title_id} are not stored, only their vectors.",
                "Import the title again, with --text-from.",
            )
        features = Features(
            {**{m: old.vectors[m] for m in change.keep}, **new.vectors},
            {**{m: old.present[m] for m in change.keep}, **new.present},
        )
        pictures = self.pictures if self.pictures and "video" in change.redo else self.stored.keyframes
        return Rewritten(self.record, self.source, self.shots, features, pictures, self._metadata(change))

    def _metadata(self, change: Change) -> FloatArray | None:
        if "text" in change.keep:
            return self.stored.global_vector
        encoder, text = change.redo.get("text"), self.record.metadata.as_text()
        return encoder.encode_texts([text])[0] if text and isinstance(encoder, TextEncoder) else None


def needs_film(record: TitleRecord, change: Change) -> bool:
    """Whether anything of the title's film has to be read again."""
    looks_at = change.looks_at
    return ("video" in looks_at and record.has_video) or ("audio" in looks_at and record.has_audio)


def refuse_import(record: TitleRecord) -> None:
    """MediaError for a title that never was a film here."""
    if record.detector_fingerprint.startswith(_NOT_FROM_FILMS):
        raise MediaError(
            f"{record.title_id} was imported, so there is no film to read again.",
            "Import it into another catalog with that preset; its text alone can be re-done here.",
        )


def request_of(
    title: Redone, job: TitleJob, path: Path, change: Change, detector: DetectorChoice | None, threads: int
) -> ReadRequest:
    """How to read what is needed of a film, and no more: its shots are known.

    Of sound nothing but the sound is read. Pictures are read with the detector that found the shots: which of a long
    shot's pictures are sampled depends on when its end became known. detector: None where none is known to have found
    them; then the shots are told, and of shots beyond eight seconds some pictures may be others.
    """
    record, looks_at = title.record, change.looks_at
    seen, heard = "video" in looks_at and record.has_video, "audio" in looks_at and record.has_audio
    only: Only = "" if seen and heard else "video" if seen else "audio"
    shots = [shot.shot for shot in title.shots]
    (frames, side), rate = frames_of(change.redo), sample_rate_of(change.redo)
    cuts = [shot.start_frame for shot in shots[1:]]
    name, options = (GIVEN, {"cuts": cuts}) if detector is None else (detector.name, detector.options)
    return ReadRequest(
        path,
        name,
        options,
        frames,
        side,
        job.language,
        threads,
        rate,
        only=only,
        shots=tuple(_numbers(shot) for shot in shots) if only == "audio" else (),
        least_end_pts=record.end_pts,
    )


def _numbers(shot: Shot) -> tuple[int, ...]:
    return shot.index, shot.start_pts, shot.end_pts, shot.start_frame, shot.end_frame
