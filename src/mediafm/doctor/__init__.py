"""What can run on this machine, and what each preset would need, download and cost: `mediafm doctor`."""

from mediafm.doctor.report import Diagnosis, diagnose

__all__ = ["Diagnosis", "diagnose"]
