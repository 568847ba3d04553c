"""The command line names its choices itself, since importing them would load torch: are they still the same?"""

from typing import get_args

from mediafm import embed
from mediafm.cli import training


def test_contexts_are_those_of_embed() -> None:
    assert get_args(training.Context) == get_args(embed.Context)
