"""A long build says how far it is, and a failed one says why."""

from __future__ import annotations

import io
import sys

import pytest
from hypothesis import given, strategies as st

from sidecar.bootstrap import progress


@given(total=st.integers(1, 5000), data=st.data())
def test_a_line_of_ninja_tells_its_share(total, data):
    """``[12/345]`` is 12 of 345, whatever follows."""
    done = data.draw(st.integers(0, total))
    assert progress.fraction(f"  [{done}/{total}] Building CXX object ggml.o") == pytest.approx(done / total)


@given(st.integers(0, 100))
def test_a_line_of_make_tells_its_share(percent):
    """``[ 12%]`` is 0.12."""
    assert progress.fraction(f"[{percent:3d}%] Building CXX object ggml.o") == percent / 100


@pytest.mark.parametrize("text", ["", "Collecting llama-cpp-python", "-- [3/4] inside", "[1/0] nothing", "[a/b]"])
def test_any_other_line_tells_nothing(text):
    """What is no progress is not taken for it."""
    assert progress.fraction(text) is None


@given(elapsed=st.floats(0, 1e5), done=st.none() | st.floats(0, 1), bar=st.booleans())
def test_a_line_of_progress_fits_a_terminal(elapsed, done, bar):
    """One line, never longer than 100 columns for our own labels."""
    text = progress.line("Building", elapsed, done, bar=bar)
    assert "\n" not in text
    assert len(text) <= 100


def test_what_is_left_is_estimated_from_what_is_done():
    """A quarter after one minute leaves three."""
    assert progress.line("Building", 60, 0.25, bar=False) == "Building   25%  1:00  about 3:00 left"


def test_the_display_never_goes_back():
    """A build in several parts starts counting again; the display does not."""
    display = progress.Display("Building", io.StringIO())
    for done in (0.5, None, 0.2):
        display.update(done)
    assert display._done == 0.5


def test_a_command_leaves_its_output_in_the_log(tmp_path, capsys):
    """Standard output stays clean, all of the command's words are in the log."""
    progress.run("Talking", [sys.executable, "-c", "print('one'); print('two')"], log=tmp_path / "log")
    assert (tmp_path / "log").read_text() == "one\ntwo\n"
    told = capsys.readouterr()
    assert told.out == ""
    assert "Talking  done in 0:00" in told.err


def test_a_failed_command_shows_its_last_words(tmp_path):
    """The message holds the tail, the exit code and the place of the whole log."""
    script = "import sys; print('no compiler here'); sys.exit(3)"
    with pytest.raises(RuntimeError, match=r"no compiler here\n[\s\S]*exit code 3") as told:
        progress.run("Building", [sys.executable, "-c", script], log=tmp_path / "log")
    assert str(tmp_path / "log") in str(told.value)
