"""The whole life of a film in one call: films in, a report out."""

from mediafm.demo.run import DemoResult, run_demo

__all__ = ["DemoResult", "run_demo"]
