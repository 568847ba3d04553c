"""Importing is quiet and light: no torch, no large library, for `import mediafm` and for the command's help."""

import subprocess
import sys

HEAVY = {
    "torch",
    "transformers",
    "lancedb",
    "av",
    "cv2",
    "scipy",
    "sklearn",
    "pyarrow",
    "librosa",
    "httpx2",
    "matplotlib",
}


def loaded_after(code: str) -> tuple[set[str], str]:
    script = f"{code}\nimport sys; print('LOADED', *sorted(m for m in sys.modules if '.' not in m))"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    line = next(x for x in run.stdout.splitlines() if x.startswith("LOADED"))
    return set(line.split()[1:]), run.stderr


def test_import_loads_nothing_large() -> None:
    loaded, stderr = loaded_after("import mediafm, mediafm.types, mediafm.errors, mediafm.progress")
    assert not loaded & HEAVY
    assert stderr == ""


def test_help_loads_nothing_large() -> None:
    code = (
        "import sys; sys.argv = ['mediafm', '--help']\n"
        "from mediafm.cli import main\n"
        "try: main()\nexcept SystemExit as end: assert end.code == 0, end.code"
    )
    loaded, stderr = loaded_after(code)
    assert not loaded & HEAVY
    assert stderr == ""
