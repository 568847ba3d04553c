"""The command line: one verb a stage, no logic. `main` is the entry point of the `mediafm` command."""

from mediafm.cli.app import main

__all__ = ["main"]
