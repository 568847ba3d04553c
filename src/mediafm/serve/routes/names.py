"""What stands in the addresses of several routes."""

from typing import Annotated

from fastapi import Path

TitleId = Annotated[str, Path(description="The title's id.", examples=["sintel_trailer"], max_length=1000)]
