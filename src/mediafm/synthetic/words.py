"""Word stock of the synthetic films: names, lines and plots as plain tables; `text.py` makes sentences of them.

No line names a tone or a genre: what a line says about either has to be understood, not matched.
"""

from mediafm.synthetic.genres import Genre, PlaceKind, Tone

FIRST_NAMES = (
    "Ada", "Ben", "Cleo", "Dario", "Elsa", "Felix", "Greta", "Hugo", "Ines", "Jonas", "Kira", "Leon", "Mara", "Nils",
    "Olga", "Pavel", "Quinn", "Rosa", "Sami", "Tess", "Uma", "Viktor", "Wanda", "Yusuf", "Zoe", "Anton", "Bella",
    "Carl", "Dina", "Emil", "Frida", "Georg", "Hanna", "Ivo", "Jana", "Kofi", "Lotte", "Milo", "Nora", "Otto",
)  # fmt: skip

OPENERS = ("", "", "", "{name}, ", "Listen, ", "Look, ", "You know, ", "Well, ", "Wait, ", "I mean it, ", "So, ")

SMALL_TALK = (
    "I said I would be here.", "What did you say?", "Give me a minute.", "All right, all right.",
    "That is what I told them.", "You were right about that.", "I am listening.", "Is that what they said?",
    "I will do it myself.", "Where were you?", "It has been a long day.", "I thought you knew.", "Let me see that.",
    "Not now, {name}.", "Have you got the time?", "Ask {name}, not me.", "I heard you the first time.",
    "Then we agree.", "Somebody has to.", "I am on my way.", "{name} called again this morning.",
    "I left the keys with {name}.", "You have not changed at all.", "How many of them were there?",
    "I could not find it anywhere.", "We were just talking about you, {name}.", "Is {name} still here?",
    "They close at six.", "I have heard that name before.", "Nobody told me anything.", "Take the other one, {name}.",
    "Do you remember {name}?", "What happens if we wait?", "I will call you tomorrow.", "That was not the plan.",
    "Say that again.", "Yes. No. I don't know.", "It is over there.", "Did you bring it?", "We should talk.",
)  # fmt: skip

SHOUTS = (
    "Now!", "Come on!", "Go, {name}!", "Here!", "{name}!", "Hold it!", "Quick!", "This is it!", "Don't stop!",
    "Over here, {name}!", "Get back!", "After them!", "{name}, look out!", "Come back!", "Did you see that?",
    "Not that way!", "Watch out, {name}!", "Give it to me!", "I have it!", "Wait for me!", "Where is {name}?",
    "To {thing}!", "Open it, {name}!",
)  # fmt: skip

REPLIES = (
    "Yes.", "No.", "Why?", "I see.", "Who?", "Maybe.", "{name}?", "Of course.", "Hm.", "Not yet.",
    "Thank you, {name}.", "Really?", "Are you sure?", "If you say so.", "As always.", "Since when?", "Ask {name}.",
    "It was {name}.", "Not me.", "{hero} did.", "Later, {name}.", "What about {thing}?",
)  # fmt: skip

TONE_LINES: dict[Tone, tuple[str, ...]] = {
    "tense": (
        "Keep your voice down, they can hear us.", "Somebody followed me here.", "We have two minutes, not more.",
        "Don't turn around.", "If this goes wrong, we lose everything.", "Put the gun down, {name}.",
        "They know. I am sure they know.", "One wrong move and it is over.", "Why is your hand shaking?",
        "I don't trust him, not any more.",
    ),
    "joyful": (
        "We did it! We really did it!", "This is the best day of my life!", "Come here, let me hug you!",
        "To all of us, cheers!", "I could sing, I swear.", "Look at you, you are glowing!", "I have wonderful news!",
        "Everybody is here, even {name}!", "What a beautiful morning!", "I knew you would win!",
    ),
    "sad": (
        "She is not coming back, is she?", "I miss him every day.", "I never got to say goodbye.",
        "There is nothing left for us here.", "I kept her letters. All of them.", "It should have been me.",
        "Please don't leave me alone tonight.", "The house is so empty now.", "I am sorry for your loss, {name}.",
        "I have no tears left.",
    ),
    "romantic": (
        "I can't stop thinking about you.", "Stay. Just a little longer.", "You have the loveliest eyes.",
        "May I have this dance?", "I have loved you since that summer.", "Take my hand.", "Kiss me before you go.",
        "With you everything is simple.", "I wrote you a letter, {name}, I never sent it.", "Will you marry me?",
    ),
    "calm": (
        "Let us just sit here for a while.", "No hurry. We have all day.", "Would you like some more tea?",
        "Listen to the birds.", "I slept well, for once.", "Breathe in. And out again.",
        "Things will sort themselves out.", "I like it when nobody talks.", "The light is soft at this hour.",
        "We could stay until evening.",
    ),
    "eerie": (
        "Did you hear that? Behind the wall.", "There is nobody on that floor, there hasn't been for years.",
        "It was standing at the foot of my bed.", "Why are all the mirrors covered?",
        "The child in that picture, it moved.", "Something is breathing in there.", "{name} died in that room.",
        "It knows our names.", "The phone rang, but the line has been cut.", "Don't let it in.",
    ),
    "comic": (
        "Is that my shoe in the soup?", "I can explain the goat.", "You are wearing it backwards, {name}.",
        "I told them I was a dentist!", "Who put glue on the chair?", "That is not a wig, that is a cat.",
        "I ate the evidence.", "He fell into the cake. Twice.", "Act natural. No, not like that!",
        "I have been waving at a scarecrow.",
    ),
    "energetic": (
        "Faster, faster, we can make it!", "Jump! I've got you!", "Turn it up!", "Last one there pays!",
        "Full speed, {name}!", "Left, left, now right!", "On three. One, two, three!", "Move, move, move!",
        "Nothing can stop us now!", "Race you to the top!",
    ),
}  # fmt: skip

PLACE_LINES: dict[PlaceKind, tuple[str, ...]] = {
    "street": ("Mind the traffic.", "The bus has just gone.", "It is three blocks down, past the lights."),
    "rooftop": ("You can see the whole town from up here.", "Stay away from the edge.", "I love the roofs from here."),
    "park": ("The swings are free again.", "Let us walk around the pond.", "They have cut the old oak."),
    "forest": ("The path ends at those trees.", "It is dark under the branches.", "Watch the roots."),
    "beach": ("The tide is coming in.", "There is sand in my shoes.", "Look at the waves."),
    "desert": ("No water for sixty miles.", "The sand covers every track.", "Only rocks and sun out here."),
    "planet": ("Two moons tonight.", "The air out here will kill you, keep the mask.", "The crater is just ahead."),
    "cafe": ("Two coffees, please.", "This table is taken.", "The cake here is famous."),
    "living_room": ("Sit down on the sofa.", "Who moved the armchair?", "Switch the lamp on, would you?"),
    "office": ("The report is on your desk.", "The copier is jammed again.", "The meeting has been moved."),
    "corridor": ("It is the last door on the left.", "Which door was it?", "This hallway never ends."),
    "cellar": ("Mind your head on the beam.", "It smells of damp down here.", "Shut the hatch behind you."),
    "bridge": ("Shields at half power.", "Set a course for the outer ring.", "The engines are holding, captain."),
}

PLACE_NAMES: dict[PlaceKind, str] = {
    "street": "a busy street", "rooftop": "the roofs of the old town", "park": "the city park",
    "forest": "a deep forest", "beach": "a windy beach", "desert": "the desert", "planet": "a red planet",
    "cafe": "a corner café", "living_room": "a family home", "office": "an office on the ninth floor",
    "corridor": "a long corridor", "cellar": "a cellar", "bridge": "the bridge of a starship",
}  # fmt: skip

# What the film is about: (thing, hero's trouble, what has to be done).
PLOTS: dict[Genre, tuple[tuple[str, str, str], ...]] = {
    "Action": (
        ("the ledger", "is framed for a robbery", "win back the ledger before the syndicate does"),
        ("the convoy", "is the last guard of a stolen convoy", "bring it across the border"),
        ("the codes", "finds the launch codes in a taxi", "outrun three armies"),
        ("the tower", "is locked into a tower with forty mercenaries", "get the hostages out"),
    ),
    "Comedy": (
        ("the wedding cake", "drops the wedding cake an hour before the wedding",
        "bake a new one without being noticed"),
        ("the parrot", "must look after a parrot that knows too much", "teach it to keep quiet"),
        ("the talent show", "is mistaken for a famous magician", "survive the town's talent show"),
        ("the hotel", "inherits a hotel without a single guest", "fool an inspector for one weekend"),
    ),
    "Drama": (
        ("the farm", "comes home to sell the family's farm", "make peace with those who stayed"),
        ("the letters", "finds letters from a father long thought dead", "learn why he left"),
        ("the trial", "is called as witness against a brother", "choose between blood and truth"),
        ("the piano", "loses the use of one hand and with it the piano", "find a reason to go on"),
    ),
    "Horror": (
        ("the well", "moves into a house above a sealed well", "find out what was drowned there"),
        ("the music box", "is given a music box that plays by itself", "bury it before the new moon"),
        ("the lighthouse", "takes the night watch at an abandoned lighthouse", "last until dawn"),
        ("the doll", "brings an old doll back from the market", "learn whom it belongs to"),
    ),
    "Romance": (
        ("the ferry", "misses the last ferry with a perfect stranger", "decide by morning whom to love"),
        ("the bookshop", "must close the bookshop where they first met", "tell the truth before it is too late"),
        ("the dance class", "joins a dance class by mistake", "win a partner's heart"),
        ("the vineyard", "returns to the vineyard of a lost summer", "mend a broken promise"),
    ),
    "Sci-fi": (
        ("the signal", "picks up a signal sent from the future", "answer it before the ship is lost"),
        ("the colony", "wakes alone on a sleeping colony ship", "wake the right people in time"),
        ("the android", "shelters an android that has begun to dream", "bring it past the border of the system"),
        ("the comet", "discovers that a comet is steering", "make first contact"),
    ),
}  # fmt: skip

SUBPLOTS = (
    "{second} has found out about {thing} and makes plans of a different kind.",
    "{second} and {third} follow a trail of their own.", "{second} keeps a secret that {hero} must not learn.",
    "{second} has to choose a side.",
)  # fmt: skip

PLOT_LINES = (
    "We have to find {thing}.", "Tell me about {thing}.", "{thing} changes everything.",
    "{hero} has {thing}, I saw it.", "Forget {thing}, it is too late.", "What does {hero} want with {thing}?",
    "It was never about {thing}.", "Nobody speaks of {thing} here.", "{hero} should never have come.",
    "Does {second} know about {thing}?",
)  # fmt: skip

TITLE_ADJECTIVES: dict[Genre, tuple[str, ...]] = {
    "Action": ("Final", "Burning", "Broken", "Iron", "Reckless"),
    "Comedy": ("Wrong", "Borrowed", "Slightly Used", "Second-Best", "Unlikely"),
    "Drama": ("Quiet", "Distant", "Unwritten", "Winter", "Long"),
    "Horror": ("Hollow", "Pale", "Buried", "Whispering", "Seventh"),
    "Romance": ("Sweet", "Last", "Golden", "Hidden", "Gentle"),
    "Sci-fi": ("Silent", "Outer", "Electric", "Infinite", "Lost"),
}
TITLE_NOUNS: dict[Genre, tuple[str, ...]] = {
    "Action": ("Pursuit", "Verdict", "Convoy", "Deadline", "Strike"),
    "Comedy": ("Groom", "Weekend", "Parrot", "Dentist", "Hotel"),
    "Drama": ("Harvest", "Letters", "Witness", "Shore", "Year"),
    "Horror": ("House", "Well", "Lullaby", "Hour", "Guest"),
    "Romance": ("Summer", "Ferry", "Promise", "Waltz", "Harbour"),
    "Sci-fi": ("Signal", "Orbit", "Colony", "Dream", "Horizon"),
}

GENRE_TAGS: dict[Genre, tuple[str, ...]] = {
    "Action": ("chase", "heist", "explosions", "one against all"),
    "Comedy": ("mistaken identity", "slapstick", "family", "feel-good"),
    "Drama": ("family", "grief", "small town", "true to life"),
    "Horror": ("haunted", "night", "curse", "slow burn"),
    "Romance": ("love", "second chance", "summer", "heartfelt"),
    "Sci-fi": ("space", "future", "machines", "first contact"),
}

# Descriptions of sound in subtitles; those of insert shots are in `INSERT_SOUNDS`.
PLACE_SOUNDS: dict[PlaceKind, str] = {
    "street": "[car horn]", "rooftop": "[wind gusts]", "park": "[birdsong]", "forest": "[twigs snap]",
    "beach": "[waves break]", "desert": "[wind howls]", "planet": "[distant rumble]", "cafe": "[cups clatter]",
    "living_room": "[door creaks]", "office": "[phone rings]", "corridor": "[footsteps]", "cellar": "[water drips]",
    "bridge": "[console beeps]",
}  # fmt: skip

# Objects of insert and cutaway shots, the same in every genre, with the sound they make ("" for none).
INSERT_SOUNDS = {
    "clock": "[clock ticking]", "cup": "", "phone": "[phone buzzes]", "key": "[keys jingle]", "candle": "",
    "book": "[pages rustle]", "sky": "[wind]", "birds": "[birds call]", "rain": "[rain patters]", "moon": "",
}  # fmt: skip
