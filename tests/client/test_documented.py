"""The example of docs/client.md, run as it stands there."""

import contextlib
import io
import re
from pathlib import Path

from mediafm.catalog import Catalog
from serve_processes import serving

DOCS = Path(__file__).resolve().parents[2] / "docs" / "client.md"


def test_the_first_example_says_what_it_should(served: Path, tmp_path: Path) -> None:
    (code, *_) = re.findall(r"```python\n(.*?)```", DOCS.read_text(), re.DOTALL)
    catalog, said = Catalog.open(served), io.StringIO()
    with serving(served, tmp_path) as service, contextlib.redirect_stdout(said):
        exec(code.replace("http://127.0.0.1:8780", service.base).replace("film-01", "one"), {})
    record, dim = catalog.title_record("one"), catalog.spec.dims["video"]
    lines = said.getvalue().splitlines()
    assert lines[0] == f"one {record.n_shots} {record.duration_s}"
    assert lines[2] == f"({record.n_shots}, {dim}) float32"
    assert len(lines) == 7 and lines[-1].startswith("1000 ") and lines[-1].endswith(" video/mp4")
