"""Rows of the tables of truth, one function a table: plans in, plain rows out."""

from collections.abc import Sequence
from typing import Any

from mediafm.synthetic.advertising import AD_CATEGORIES
from mediafm.synthetic.clips import Clip, popularity, retrieval_scenes, title_clips
from mediafm.synthetic.genres import GENRES, PLACE_KINDS, TONES
from mediafm.synthetic.plan import FPS, SCALES, ScenePlan, ShotPlan, TitlePlan
from mediafm.synthetic.shotlist import CUTAWAYS, INSERTS
from mediafm.synthetic.whole_titles import rating_band, similar_pairs

Row = dict[str, Any]
SUBJECTS = (*INSERTS, *CUTAWAYS)


def shots(plan: TitlePlan) -> list[Row]:
    """Everything known of each shot."""
    return [_shot_row(plan, plan.scenes[shot.scene], shot) for shot in plan.shots]


def clips(plan: TitlePlan) -> list[Row]:
    """Everything known of each clip but for luck."""
    return [_clip_row(plan, clip) for clip in title_clips(plan)]


def tones(plan: TitlePlan) -> list[Row]:
    """A row a shot: its scene's tones."""
    return [{**_span(plan, s), **_tones(plan.scenes[s.scene])} for s in plan.shots]


def scene_starts(plan: TitlePlan) -> list[Row]:
    """A row a shot: whether it begins a scene."""
    return [{**_span(plan, s), "scene_start": int(s.index == plan.scenes[s.scene].first_shot)} for s in plan.shots]


def locations(plan: TitlePlan) -> list[Row]:
    """A row a shot: its scene's kind of place."""
    return [{**_span(plan, s), **_location(plan, s)} for s in plan.shots]


def shown_locations(plan: TitlePlan) -> list[Row]:
    """A row the middle of a shot that shows its place, or people in it."""
    return [{**_middle(plan, s), **_location(plan, s)} for s in plan.shots if not s.ambiguous]


def hidden_locations(plan: TitlePlan) -> list[Row]:
    """A row the middle of an ambiguous shot: its place is told by the shots around it alone."""
    return [{**_middle(plan, s), **_location(plan, s)} for s in plan.shots if s.ambiguous]


def hidden_tones(plan: TitlePlan) -> list[Row]:
    """A row the middle of an ambiguous shot: its tones are told by the shots around it alone."""
    return [{**_middle(plan, s), **_tones(plan.scenes[s.scene])} for s in plan.shots if s.ambiguous]


def scales(plan: TitlePlan) -> list[Row]:
    """A row a shot: how near the camera is."""
    return [{**_span(plan, s), **{scale: int(s.scale == scale) for scale in SCALES}} for s in plan.shots]


def subjects(plan: TitlePlan) -> list[Row]:
    """A row a shot: the thing or view it shows, if it is an insert or a cutaway."""
    return [{**_span(plan, s), **{name: int(s.subject == name) for name in SUBJECTS}} for s in plan.shots]


def clip_worthy_scenes(plan: TitlePlan) -> list[Row]:
    """A row a scene: whether it is worth a clip."""
    return [_worthy(plan, scene) for scene in plan.scenes]


def clip_retrieval(plan: TitlePlan) -> list[Row]:
    """The same for the scenes of the clip retrieval task."""
    return [_worthy(plan, scene) for scene in retrieval_scenes(plan)]


def climaxes(plan: TitlePlan) -> list[Row]:
    """A row a climax or surge: which of the two it is; they look and sound alike."""
    return [
        {**_scene_span(plan, scene), "climax": int(scene.beat == "climax")}
        for scene in plan.scenes
        if scene.beat in ("climax", "surge")
    ]


def scene_spans(plan: TitlePlan) -> list[Row]:
    """A row a scene: where it begins and ends."""
    return [_scene_span(plan, scene) for scene in plan.scenes]


def ad_relevancy(plan: TitlePlan) -> list[Row]:
    """A row a clip: which categories of advertisements fit."""
    return [
        {**_clip_span(plan, clip), **{ad.name: int(ad.fits(plan, clip)) for ad in AD_CATEGORIES}}
        for clip in title_clips(plan)
    ]


def clip_popularity(plan: TitlePlan) -> list[Row]:
    """A row a clip: clicks as a multiple of the title's mean."""
    found = title_clips(plan)
    return [
        {**_clip_span(plan, clip), "popularity": round(float(clicks), 4)}
        for clip, clicks in zip(found, popularity(plan, found), strict=True)
    ]


def clip_tone(plan: TitlePlan) -> list[Row]:
    """A row a clip: its scene's tones."""
    return [{**_clip_span(plan, clip), **_tones(clip.scene)} for clip in title_clips(plan)]


def clip_genre(plan: TitlePlan) -> list[Row]:
    """A row a clip: its title's genre."""
    return [{**_clip_span(plan, clip), **_genres(plan)} for clip in title_clips(plan)]


def genre(plan: TitlePlan) -> list[Row]:
    """One row: the title's genre."""
    return [{"title": plan.title_id, **_genres(plan)}]


def rating(plan: TitlePlan) -> list[Row]:
    """One row: the title's age band, in words."""
    return [{"title": plan.title_id, "rating_band": rating_band(plan)}]


def similar(plans: Sequence[TitlePlan]) -> list[Row]:
    """A row a pair of titles that are alike, either way round."""
    return [
        {"title": plan.title_id, "other": other.title_id, "relevance": relevance}
        for plan, other, relevance in similar_pairs(plans)
    ]


def seconds(frame: float) -> float:
    """When a frame begins."""
    return round(frame / FPS, 6)


def _span(plan: TitlePlan, first: ShotPlan, last: ShotPlan | None = None) -> Row:
    end = (last or first).end_frame
    return {"title": plan.title_id, "start": seconds(first.start_frame), "end": seconds(end)}


def _middle(plan: TitlePlan, shot: ShotPlan) -> Row:
    """The shot without its first and last quarter: however it is cut out, nothing of a neighbour comes with it."""
    margin = shot.frames / 4
    return {
        "title": plan.title_id,
        "start": seconds(shot.start_frame + margin),
        "end": seconds(shot.end_frame - margin),
    }


def _scene_span(plan: TitlePlan, scene: ScenePlan) -> Row:
    return _span(plan, plan.shots[scene.first_shot], plan.shots[scene.end_shot - 1])


def _clip_span(plan: TitlePlan, clip: Clip) -> Row:
    return _span(plan, plan.shots[clip.first_shot], plan.shots[clip.end_shot - 1])


def _tones(scene: ScenePlan) -> Row:
    return {tone: int(tone in scene.tones) for tone in TONES}


def _genres(plan: TitlePlan) -> Row:
    return {name: int(plan.genre == name) for name in GENRES}


def _location(plan: TitlePlan, shot: ShotPlan) -> Row:
    kind = plan.places[plan.scenes[shot.scene].place].kind
    return {name: int(kind == name) for name in PLACE_KINDS}


def _worthy(plan: TitlePlan, scene: ScenePlan) -> Row:
    return {**_scene_span(plan, scene), "clip_worthy": int(scene.clip_worthy)}


def _shot_row(plan: TitlePlan, scene: ScenePlan, shot: ShotPlan) -> Row:
    return {
        **_span(plan, shot),
        "shot": shot.index,
        "start_frame": shot.start_frame,
        "end_frame": shot.end_frame,
        "scene": scene.index,
        "storyline": scene.storyline,
        "beat": scene.beat,
        "intensity": round(scene.intensity, 3),
        "tones": " ".join(scene.tones),
        "location": plan.places[scene.place].kind,
        "role": shot.role,
        "scale": shot.scale,
        "subject": shot.subject,
        "ambiguous": int(shot.ambiguous),
        "speech": int(bool(shot.line)),
        "dissolve": int(shot.dissolve),
    }


def _clip_row(plan: TitlePlan, clip: Clip) -> Row:
    scene = clip.scene
    return {
        **_clip_span(plan, clip),
        "first_shot": clip.first_shot,
        "end_shot": clip.end_shot,
        "scene": scene.index,
        "beat": scene.beat,
        "intensity": round(scene.intensity, 3),
        "build_up": round(clip.build_up, 3),
        "appeal": round(clip.appeal, 4),
        "tones": " ".join(scene.tones),
        "location": plan.places[scene.place].kind,
        "subjects": " ".join(shot.subject for shot in clip.shots(plan) if shot.subject),
    }
