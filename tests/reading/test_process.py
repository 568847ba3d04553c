"""The reading process: what it may not do, and what becomes of its death, its silence and its hunger."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest

from mediafm.errors import MediaError, UsageError
from mediafm.reading import Closed, Limits, Opened, ReadingProcess, ReadRequest, ReadShot, Stopped, read_title

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="sandboxes are Linux's")


def confined(code: str) -> str:
    """Standard output of `code` run in a process that has confined itself."""
    program = "from mediafm.reading import sandbox\nprint(sandbox.forbid_network_and_writing())\n" + textwrap.dedent(
        code
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    return run.stdout + run.stderr


@on_linux
def test_a_confined_process_opens_no_socket_writes_no_file_and_starts_no_program(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.write_text("as it was")
    said = confined(f"""
        import os, socket, subprocess, pathlib
        kept, new = pathlib.Path({str(kept)!r}), pathlib.Path({str(tmp_path / "new")!r})
        for act in (socket.socket, kept.unlink, new.mkdir, lambda: kept.open("w"), lambda: new.open("w"),
                    lambda: os.rename(kept, new), lambda: subprocess.run(["/bin/true"])):
            try:
                act()
                print("done")
            except OSError as error:
                print("refused")
        print(kept.read_text())
    """)
    first, *acts, content = said.splitlines()
    if first != "[]":
        pytest.skip(f"this kernel cannot close {first}")
    assert acts == ["refused"] * 7
    assert content == "as it was" and kept.read_text() == "as it was" and not (tmp_path / "new").exists()


@on_linux
def test_processor_time_is_counted_from_the_call() -> None:
    code = """
        import time
        from mediafm.reading import sandbox
        while time.process_time() < 2:
            pass
        sandbox.limit_processor_time(1)
        while True:
            pass
    """
    began = time.monotonic()
    run = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], timeout=60)
    assert run.returncode == -signal.SIGXCPU and time.monotonic() - began > 2


def test_a_title_reads_the_same_in_a_process_of_its_own(film: Path) -> None:
    request = ReadRequest(film, "content", frames=4, short_side=64)
    here = [e for e in read_title(request) if isinstance(e, Opened | ReadShot | Closed)]
    process = ReadingProcess(Limits())
    try:
        for _ in range(2):  # one process reads many titles
            there = [e for e in process.read(request) if isinstance(e, Opened | ReadShot | Closed)]
            assert [type(e) for e in there] == [type(e) for e in here]
            assert (there[0], there[-1]) == (here[0], here[-1])
            for mine, theirs in zip(here[1:-1], there[1:-1], strict=True):
                assert isinstance(mine, ReadShot) and isinstance(theirs, ReadShot)
                assert (mine.shot, mine.cues) == (theirs.shot, theirs.cues)
                assert all((a == b).all() for a, b in zip(mine.input.frames, theirs.input.frames, strict=True))
                assert mine.input.samples is not None and (mine.input.samples == theirs.input.samples).all()
    finally:
        process.close()
    assert process.peak_rss_mb > 20


@on_linux
def test_a_process_says_what_it_could_not_close_to_itself(film: Path) -> None:
    process = ReadingProcess(Limits())
    list(process.read(ReadRequest(film, "fixed")))
    process.close()
    assert str(sorted(process.unconfined)) == confined("").strip()


def test_a_bad_title_leaves_the_process_for_the_next(film: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.mp4"
    bad.write_text("no film " * 100)
    process = ReadingProcess(Limits())
    try:
        with pytest.raises(MediaError, match=r"bad\.mp4 is no film"):
            list(process.read(ReadRequest(bad, "fixed")))
        assert isinstance(list(process.read(ReadRequest(film, "fixed")))[-1], Closed)
    finally:
        process.close()


def signalled(process: ReadingProcess, request: ReadRequest, number: int) -> str:
    """What is said where the child gets a signal at its first event."""
    with pytest.raises(MediaError) as caught:
        for _ in process.read(request):
            os.kill(process._child.pid, number)  # type: ignore[union-attr]
    return str(caught.value)


def test_the_death_of_a_child_is_a_reason_and_the_next_title_reads(film: Path) -> None:
    process = ReadingProcess(Limits())
    request = ReadRequest(film, "content")
    try:
        assert "died of SIGSEGV" in signalled(process, request, signal.SIGSEGV)
        assert "perhaps because memory ran out" in signalled(process, request, signal.SIGKILL)
        assert isinstance(list(process.read(request))[-1], Closed)
    finally:
        process.close()


def test_silence_is_not_waited_for_forever(film: Path) -> None:
    process = ReadingProcess(Limits(stall_s=1.0))
    try:
        process.start()
        with pytest.raises(MediaError, match=r"no sign of life for \d s"):
            for _ in process.read(ReadRequest(film, "content")):
                os.kill(process._child.pid, signal.SIGSTOP)  # type: ignore[union-attr]
    finally:
        process.close()


def test_time_in_all_is_limited_but_not_the_time_we_take_ourselves(film: Path) -> None:
    process = ReadingProcess(Limits(timeout_s=5.0))
    try:
        events = process.read(ReadRequest(film, "content"))
        next(events)
        time.sleep(6.0)
        assert isinstance(list(events)[-1], Closed)
    finally:
        process.close()
    process = ReadingProcess(Limits(timeout_s=0.01))
    try:
        with pytest.raises(MediaError, match="raise --timeout"):
            list(process.read(ReadRequest(film, "content")))
    finally:
        process.close()


@on_linux
def test_hunger_for_memory_is_a_reason(film: Path) -> None:
    """Four gigabytes of pictures cannot be sampled within 256 MB."""
    process = ReadingProcess(Limits(memory_mb=256))
    try:
        with pytest.raises(MediaError, match=r"memory|died|broke"):
            list(process.read(ReadRequest(film, "transnet")))  # the network alone needs more
    finally:
        process.close()


def test_somebody_asking_for_an_end_is_heard(film: Path) -> None:
    stop = threading.Event()
    process = ReadingProcess(Limits(), stop=stop.is_set)
    with pytest.raises(Stopped):
        for _ in process.read(ReadRequest(film, "content")):
            os.kill(process._child.pid, signal.SIGSTOP)  # type: ignore[union-attr]
            stop.set()
    assert process._child is None


@on_linux
def test_a_child_dies_with_its_parent(film: Path) -> None:
    code = """
        import os, signal
        from mediafm.reading import Limits, ReadingProcess
        process = ReadingProcess(Limits())
        process.start()
        print(process._child.pid, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
    """
    run = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, timeout=60)
    status = Path(f"/proc/{int(run.stdout)}/stat")

    def lives() -> bool:
        return status.exists() and " Z " not in status.read_text()

    deadline = time.monotonic() + 10
    while lives() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not lives()


@pytest.mark.parametrize("limits", [{"timeout_s": -1}, {"stall_s": 0}, {"memory_mb": 10}])
def test_impossible_limits_are_refused(limits: dict[str, float]) -> None:
    with pytest.raises(UsageError, match="at least"):
        Limits(**limits)  # type: ignore[arg-type]


def test_a_title_gets_time_by_its_size(tmp_path: Path) -> None:
    small, large = tmp_path / "small", tmp_path / "large"
    small.write_bytes(b"x")
    with large.open("wb") as file:
        file.truncate(1 << 30)  # sparse
    assert Limits().of(small)[0] == pytest.approx(600, abs=1)
    assert Limits().of(large)[0] > 24 * 3600 and Limits().of(large)[1] > Limits().of(small)[1]
    assert Limits(timeout_s=7).of(large) == (7, 7)
