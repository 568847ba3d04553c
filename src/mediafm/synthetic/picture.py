"""Frames of a synthetic film: backdrop through the camera, figures on top, the scene's colour mood over all of it."""

from abc import ABC, abstractmethod
from collections.abc import Iterator

import cv2
import numpy as np

from mediafm.synthetic.backdrops import paint_place
from mediafm.synthetic.camera import Camera, aim
from mediafm.synthetic.draw import stroke
from mediafm.synthetic.figures import GROUND, HEAD, Pose, draw_figure, draw_shoulder
from mediafm.synthetic.genres import EXTERIORS
from mediafm.synthetic.grade import Grade, expression
from mediafm.synthetic.inserts import paint_insert
from mediafm.synthetic.plan import DISSOLVE_FRAMES, FPS, ScenePlan, ShotPlan, TitlePlan
from mediafm.types import ImageArray

SIZE = (320, 180)  # width and height in pixels
STATIONS = {2: (262.0, 378.0), 3: (216.0, 322.0, 428.0)}  # where a scene's people stand, by their number
RUN = 95.0  # world pixels a second
WET = EXTERIORS - {"desert", "planet"}  # where it may rain


def title_frames(plan: TitlePlan, size: tuple[int, int] = SIZE) -> Iterator[ImageArray]:
    """All frames of a title in order, uint8 [height, width, 3] RGB. Same plan and size, same bytes."""
    backdrops = [paint_place(place) for place in plan.places]
    before: _Painter | None = None
    for shot in plan.shots:
        painter = _painter(plan, shot, backdrops, size)
        follower = plan.shots[shot.index + 1] if shot.index + 1 < len(plan.shots) else None
        after = _painter(plan, follower, backdrops, size) if follower and follower.dissolve else None
        half = DISSOLVE_FRAMES // 2
        for t in range(shot.frames):
            frame = painter.frame(t)
            if shot.dissolve and before and t < half:
                frame = _blend(before.frame(before.shot.frames + t), frame, half + t)
            elif after and t >= shot.frames - half:
                frame = _blend(frame, after.frame(t - shot.frames), half + t - shot.frames)
            yield frame
        before = painter


def shot_frame(plan: TitlePlan, shot: ShotPlan, t: int, size: tuple[int, int] = SIZE) -> ImageArray:
    """Frame `t` of one shot by itself, without dissolves."""
    places = [paint_place(place) for place in plan.places] if not shot.ambiguous else []
    return _painter(plan, shot, places, size).frame(t)


def _blend(old: ImageArray, new: ImageArray, step: int) -> ImageArray:
    share = (step + 0.5) / DISSOLVE_FRAMES
    return cv2.addWeighted(old, 1 - share, new, share, 0).astype(np.uint8)


class _Painter(ABC):
    """Paints any frame of one shot, also a few before and after it."""

    shot: ShotPlan

    @abstractmethod
    def frame(self, t: int) -> ImageArray: ...


def _painter(plan: TitlePlan, shot: ShotPlan, backdrops: list[ImageArray], size: tuple[int, int]) -> _Painter:
    if shot.ambiguous:
        return _InsertPainter(shot, size)
    return _ScenePainter(plan, shot, backdrops[plan.scenes[shot.scene].place], size)


class _InsertPainter(_Painter):
    """An object or a view of the sky: its look depends on the subject and the shot's seed alone."""

    def __init__(self, shot: ShotPlan, size: tuple[int, int]) -> None:
        self.shot = shot
        rng = np.random.default_rng([shot.seed, 1])
        self.picture, self.move = paint_insert(shot.subject, rng)
        self.camera = aim(shot, (320, 180), float(rng.uniform(270, 340)), 0.0, size, rng)

    def frame(self, t: int) -> ImageArray:
        view = self.camera.view(t)
        frame = view.crop(self.picture)
        self.move(frame, view, t / FPS)
        return frame


class _ScenePainter(_Painter):
    """People in a place, in the light and the mood of their scene."""

    def __init__(self, plan: TitlePlan, shot: ShotPlan, backdrop: ImageArray, size: tuple[int, int]) -> None:
        self.plan, self.shot = plan, shot
        self.scene: ScenePlan = plan.scenes[shot.scene]
        rng = np.random.default_rng([shot.seed, 1])
        self.backdrop = backdrop if shot.scale == "wide" else cv2.GaussianBlur(backdrop, (0, 0), 1.6).astype(np.uint8)
        self.smile, self.brow = expression(self.scene.tones, shot.grade, rng)
        self.grade = Grade(self.scene.tones, shot.grade, size, rng)
        self.phases = rng.uniform(0, 6.28, 8)
        self.direction = int(rng.choice((-1, 1)))
        self.past_shoulder = bool(shot.role == "single" and rng.random() < 0.4)
        self.camera = self._camera(size, rng)
        self.rain = self._weather(rng)

    def frame(self, t: int) -> ImageArray:
        view = self.camera.view(t)
        frame = view.crop(self.backdrop)
        for number in self.shot.people:
            draw_figure(frame, view, self.plan.cast[number], self._pose(number, t))
        if self.past_shoulder:
            other = next(p for p in self.scene.cast if p not in self.shot.people)
            draw_shoulder(frame, view, self.plan.cast[other], self._facing(self.shot.people[0]) < 0)
        self._draw_rain(frame, t)
        frame = self.grade.apply(frame)
        if self.shot.index == 0:
            _draw_name(frame, self.plan.name)
        return frame

    def _station(self, number: int) -> float:
        return STATIONS[len(self.scene.cast)][self.scene.cast.index(number)]

    def _facing(self, number: int) -> int:
        """People face the middle of their group; who stands there faces whoever speaks."""
        place = self.scene.cast.index(number) - 0.5 * (len(self.scene.cast) - 1)
        return self.direction if place == 0 else (1 if place < 0 else -1)

    def _camera(self, size: tuple[int, int], rng: np.random.Generator) -> Camera:
        shot, intensity = self.shot, self.scene.intensity
        if shot.role == "action":
            start = 320 - self.direction * 0.5 * RUN * shot.frames / FPS
            return aim(shot, (start, 235), 190, intensity, size, rng, self.direction * RUN * shot.frames / FPS)
        if shot.role == "single":
            number = shot.people[0]
            head = GROUND - HEAD * self.plan.cast[number].height
            height, drop = (78.0, 4.0) if shot.scale == "close" else (128.0, 24.0)
            target = (self._station(number) + 0.14 * height * self._facing(number), head + drop)
            return aim(shot, target, height * float(rng.uniform(0.92, 1.08)), intensity, size, rng)
        if shot.role == "establishing":
            return aim(shot, (320, 190), float(rng.uniform(280, 320)), intensity, size, rng)
        return aim(shot, (320, 248), 180.0 if shot.scale == "medium" else 230.0, intensity, size, rng)

    def _pose(self, number: int, t: int) -> Pose:
        speaks = self.shot.speaker == number
        seconds, phase = t / FPS, self.phases[number % 8]
        mouth = max(0.0, float(np.sin(14 * seconds + phase) + 0.4 * np.sin(23 * seconds))) if speaks else 0.0
        blink = int(seconds * 5 + phase * 3) % 16 == 0
        if self.shot.role == "action":
            x = 320 + self.direction * RUN * (seconds - 0.5 * self.shot.frames / FPS)
            return Pose(
                x, self.direction, 11 * seconds + phase, 1.0, min(1.0, mouth), self.smile, self.brow, 0.0, blink
            )
        gesture = 0.5 + 0.4 * float(np.sin(5 * seconds + phase)) if speaks and phase > 2.5 else 0.0
        sway = 1.2 * float(np.sin(1.7 * seconds + phase))
        return Pose(
            self._station(number) + sway,
            self._facing(number),
            0.0,
            0.0,
            min(1.0, mouth),
            self.smile,
            self.brow,
            gesture,
            blink,
        )

    def _weather(self, rng: np.random.Generator) -> np.ndarray | None:
        """Rain over half of the sad or eerie scenes outside; [drops, 3]: x, y, length in shares of the frame."""
        luck = np.random.default_rng([*self.plan.seed, 2, self.scene.index]).random()
        outside = self.plan.places[self.scene.place].kind in WET
        if not outside or luck < 0.5 or not {"sad", "eerie"} & set(self.scene.tones):
            return None
        return rng.uniform((0, 0, 0.04), (1.1, 1, 0.1), (70, 3))

    def _draw_rain(self, frame: ImageArray, t: int) -> None:
        if self.rain is None:
            return
        height, width = frame.shape[:2]
        for x, y, length in self.rain:
            top = (y + 0.19 * t) % 1.0
            ends = [(x * width, top * height), ((x - 0.2 * length) * width, (top + length) * height)]
            stroke(frame, ends, 1, (186, 198, 212))


def _draw_name(frame: ImageArray, name: str) -> None:
    """The film's name across its first shot."""
    height, width = frame.shape[:2]
    scale = height / 220
    (wide, high), _ = cv2.getTextSize(name, cv2.FONT_HERSHEY_TRIPLEX, scale, 1)
    corner = ((width - wide) // 2, int(0.3 * height) + high // 2)
    for shift, colour in ((1, (20, 18, 22)), (0, (255, 244, 214))):
        spot = (corner[0] + shift, corner[1] + shift)
        cv2.putText(frame, name, spot, cv2.FONT_HERSHEY_TRIPLEX, scale, colour, 1, cv2.LINE_AA)
