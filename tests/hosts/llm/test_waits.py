"""While a retry waits, a person at ``llm`` is told; a program finds it in the log."""

from __future__ import annotations

import asyncio
import logging
import threading
from pathlib import Path

import llm
import llm.cli
import pytest

from llm_kimi.exchange import Waiting
from llm_kimi.simulator import Simulator
from llm_kimi.terminal import notices
from llm_kimi.terminal.notices import tell_notice
from llm_kimi.transport import run as loops
from tests.support.llm_runs import PNG, ask, process, run, told
from tests.support.llm_runs import closed_clients as closed_clients

BUSY = "say: at last\nfault: 429 engine_overloaded_error times=1 retry-after=45"


class Clock:
    """Stands in for the module ``time``: sleeping takes none, and is noted."""

    def __init__(self) -> None:
        self.naps: list[float] = []
        self.stands = False
        # Nobody wakes before as many sleep.
        self.together = threading.Barrier(1)

    def sleep(self, seconds: float) -> None:
        self.naps.append(seconds)
        self.together.wait(20)

    def monotonic(self) -> float:
        return 0.0 if self.stands else sum(self.naps)


class Loop:
    """Stands in for ``asyncio``, with the sleep of a clock."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def sleep(self, seconds: float) -> None:
        self._clock.sleep(seconds)

    def __getattr__(self, name: str) -> object:
        return getattr(asyncio, name)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The waits, without their time."""
    clock = Clock()
    monkeypatch.setattr(loops, "time", clock)
    monkeypatch.setattr(loops, "asyncio", Loop(clock))
    monkeypatch.setattr(notices, "time", clock)
    return clock


@pytest.mark.parametrize("extra", [(), ("--async",), ("--no-stream",)])
def test_one_line_on_stderr_for_each_wait(
    kimi: Simulator, clock: Clock, extra: tuple[str, ...]
) -> None:
    result = ask(BUSY.replace("times=1", "times=2"), *extra)
    lines = [line for line in told(result) if "trying again" in line]
    assert lines == [
        f"kimi: Kimi is overloaded; trying again in {seconds:.0f} s ({number} of 2)"
        for number, seconds in enumerate(clock.naps, start=1)
    ]
    assert len(clock.naps) == 2
    assert 45 <= min(clock.naps) <= max(clock.naps) < 50
    assert result.stdout == "at last\n"


def test_every_round_of_a_chain_says_it_again(
    kimi: Simulator, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("llm_kimi.exchange.retry.retry_delay", lambda *args: 45.0)

    def later() -> str:
        "The second round meets the same fault"
        return "ok"

    monkeypatch.setattr(llm.cli, "_gather_tools", lambda *args, **kw: [llm.Tool.function(later)])
    result = ask(f"call: later\n{BUSY}", "-T", "later")
    line = "kimi: Kimi is overloaded; trying again in 45 s (1 of 2)"
    assert [each for each in told(result) if each == line] == [line, line]
    assert clock.naps == [45.0, 45.0]


def test_a_short_wait_says_nothing(kimi: Simulator, clock: Clock) -> None:
    result = ask(BUSY.replace("retry-after=45", "retry-after=1"))
    assert len(clock.naps) == 1
    assert told(result) == []


def test_the_real_command(kimi: Simulator) -> None:
    done = process("-m", "kimi-k2.6", BUSY.replace("retry-after=45", "retry-after=2"))
    assert done.stdout == "at last\n"
    assert "kimi: Kimi is overloaded; trying again in 2 s (1 of 2)" in done.stderr.splitlines()


def test_uploads_that_wait_side_by_side_are_one_line(
    kimi: Simulator, clock: Clock, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    clock.stands = True
    clock.together = threading.Barrier(3)
    paths = [tmp_path / f"{number}.png" for number in range(3)]
    for number, path in enumerate(paths):
        path.write_bytes(PNG + bytes([number]))
    kimi.fault(status=429, type="engine_overloaded_error", retry_after=45, times=3)
    result = run("kimi", "files", "upload", *map(str, paths))
    assert result.exit_code == 0, result.output
    assert len(clock.naps) == 3
    (line,) = told(result)
    assert line.startswith("kimi: Kimi is overloaded; trying again in 4")
    assert "trying again" not in result.stdout


def test_in_python_it_is_in_the_log_and_printed_nowhere(
    kimi: Simulator,
    clock: Clock,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.INFO, "llm_kimi")
    assert llm.get_model("kimi-k2.6").prompt(BUSY).text() == "at last"
    lines = [each for each in caplog.records if "trying again" in each.getMessage()]
    assert [each.levelno for each in lines] == [logging.INFO]
    assert capfd.readouterr().err == ""


def test_a_percent_sign_is_no_trouble(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "llm_kimi")
    tell_notice(Waiting("100 %s", 3.0))
    assert "100 %s" in caplog.text
