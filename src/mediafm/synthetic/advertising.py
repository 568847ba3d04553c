"""Which kinds of advertisements fit a clip of a synthetic film: by its place, the things it shows, and its tones.

A category fits where its place or one of its things is in the clip, one of its wanted tones (if it has any) is the
scene's, and none of its unwanted tones is. Things are seen in the clip's own shots; tones are the story's.
"""

from dataclasses import dataclass

from mediafm.synthetic.clips import Clip
from mediafm.synthetic.genres import PlaceKind, Tone
from mediafm.synthetic.plan import TitlePlan


@dataclass(frozen=True, slots=True)
class AdCategory:
    """What a kind of advertisements asks of a clip. `things` are subjects of inserts and cutaways."""

    name: str
    places: tuple[PlaceKind, ...] = ()
    things: tuple[str, ...] = ()
    wanted: tuple[Tone, ...] = ()
    unwanted: tuple[Tone, ...] = ()

    def fits(self, plan: TitlePlan, clip: Clip) -> bool:
        """Whether the category is relevant to the clip."""
        tones, things = clip.scene.tones, {shot.subject for shot in clip.shots(plan)}
        about = plan.places[clip.scene.place].kind in self.places or any(thing in things for thing in self.things)
        welcome = not self.wanted or any(tone in tones for tone in self.wanted)
        return about and welcome and not any(tone in tones for tone in self.unwanted)


AD_CATEGORIES = (
    AdCategory("travel", places=("beach", "desert", "park", "forest"), unwanted=("tense", "eerie", "sad")),
    AdCategory("food_and_drink", places=("cafe",), things=("cup",), unwanted=("eerie",)),
    AdCategory("cars", places=("street", "rooftop", "desert"), wanted=("tense", "energetic")),
    AdCategory("home", places=("living_room",), things=("candle", "book"), unwanted=("tense", "eerie")),
    AdCategory("phones", places=("office", "bridge"), things=("phone",)),
    AdCategory("gifts", places=("cafe", "beach", "park", "rooftop"), wanted=("romantic", "joyful")),
)
