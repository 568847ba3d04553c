"""The plan of a synthetic film as frozen values: cast, places, scenes, shots. Pure data, cheap to make and to test."""

from dataclasses import dataclass
from typing import Literal

from mediafm.synthetic.genres import Genre, PlaceKind, Tone

FPS = 12
DISSOLVE_FRAMES = 6  # a dissolve spreads over this many frames, its cut in the middle

Beat = Literal["setup", "rising", "climax", "aftermath", "surge"]
Role = Literal["establishing", "two_shot", "single", "action", "insert", "cutaway"]
Scale = Literal["wide", "medium", "close"]
SCALES: tuple[Scale, ...] = ("wide", "medium", "close")
Move = Literal["still", "pan", "push", "handheld"]
Colour = tuple[int, int, int]  # RGB


@dataclass(frozen=True, slots=True)
class Character:
    """One member of the cast: looks and voice. Colours are RGB; `voice_hz` is the mean pitch of the voice."""

    name: str
    skin: Colour
    hair: Colour
    hair_style: int  # 0 .. 3
    top: Colour
    bottom: Colour
    height: float  # 1 is average
    voice_hz: float


@dataclass(frozen=True, slots=True)
class Place:
    """One location of a title; `seed` fixes its details, `night` its light."""

    kind: PlaceKind
    seed: int
    night: bool


@dataclass(frozen=True, slots=True)
class ScenePlan:
    """One scene: shots `first_shot .. end_shot - 1` of one storyline, in one place, with one set of tones."""

    index: int
    storyline: int
    place: int
    cast: tuple[int, ...]
    tones: tuple[Tone, ...]  # the first is the storyline's own
    beat: Beat
    intensity: float  # 0 .. 1
    music: bool
    first_shot: int
    end_shot: int

    @property
    def clip_worthy(self) -> bool:
        """Whether this scene is the peak of a build-up."""
        return self.beat == "climax"


@dataclass(frozen=True, slots=True)
class ShotPlan:
    """One shot: frames `start_frame .. end_frame - 1`. `people` and `speaker` are numbers in the title's cast.

    `subject` names the object of an insert or the view of a cutaway, "" otherwise. `dissolve`: the shot fades in over
    the one before. `grade` [0, 1]: how much of the scene's colour mood this shot shows.
    """

    index: int
    scene: int
    start_frame: int
    end_frame: int
    role: Role
    scale: Scale
    people: tuple[int, ...]
    speaker: int | None
    subject: str
    line: str
    sound: str
    move: Move
    dissolve: bool
    grade: float
    seed: int

    @property
    def ambiguous(self) -> bool:
        """Whether nothing in the shot itself tells its scene, tone or genre."""
        return self.role in ("insert", "cutaway")

    @property
    def frames(self) -> int:
        """Length in frames."""
        return self.end_frame - self.start_frame


@dataclass(frozen=True, slots=True)
class TitlePlan:
    """One film, complete but for its pixels and samples. Frame numbers count at `FPS`; scenes and shots tile it."""

    title_id: str
    seed: tuple[int, ...]
    name: str
    year: int
    genre: Genre
    synopsis: str
    tags: tuple[str, ...]
    cast: tuple[Character, ...]
    places: tuple[Place, ...]
    scenes: tuple[ScenePlan, ...]
    shots: tuple[ShotPlan, ...]

    @property
    def frames(self) -> int:
        """Length in frames."""
        return self.shots[-1].end_frame

    @property
    def seconds(self) -> float:
        """Length in seconds."""
        return self.frames / FPS
