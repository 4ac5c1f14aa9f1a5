"""One line of the table of results, and the table."""

import os
import platform
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Result:
    """What was measured: ours beside another way, in seconds of one run, and their ratio.

    A `target` is what the ratio (or, without another way, the figure itself) should not pass.
    """

    what: str
    ours: float
    beside: float | None = None
    target: float | None = None
    unit: str = "s"
    at_least: bool = False

    @property
    def figure(self) -> float:
        """The ratio, or the figure where there is nothing beside it."""
        return self.ours if self.beside is None else self.ours / self.beside

    @property
    def holds(self) -> bool:
        """Whether the target is met."""
        if self.target is None:
            return True
        return self.figure >= self.target if self.at_least else self.figure <= self.target

    def row(self) -> str:
        """Return the line of the table."""
        ours = _written(self.ours, self.unit)
        beside = "" if self.beside is None else _written(self.beside, self.unit)
        ratio = "" if self.beside is None else f"{self.figure:.2f}"
        bound = "" if self.target is None else f"{'>=' if self.at_least else '<='} {self.target:g}"
        met = "" if self.target is None else ("yes" if self.holds else "**no**")
        return f"| {self.what} | {ours} | {beside} | {ratio} | {bound} | {met} |"


def _written(figure: float, unit: str) -> str:
    number = f"{figure:,.0f}" if abs(figure) >= 1000 else f"{figure:.3g}"
    return f"{number} {unit}".rstrip()


def table(results: Iterable[Result]) -> str:
    """Return the results as Markdown, the machine above them."""
    lines = [
        f"{machine()}; each ratio is of the medians of two ways that took turns.",
        "",
        "| what | ours | beside | ratio | target | met |",
        "|---|---|---|---|---|---|",
        *(result.row() for result in results),
    ]
    return "\n".join(lines) + "\n"


def machine() -> str:
    """Return what the figures were taken on."""
    model = "unknown processor"
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [line.split(":", 1)[1] for line in info.open() if line.startswith("model name")]
        model = names[0].strip() if names else model
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{os.cpu_count()} cores ({model}), {memory:.0f} GB, "
        f"{platform.system()}, Python {platform.python_version()}"
    )


def seconds(work: Callable[[], object]) -> float:
    """Return the wall time of one run."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def medians(*works: Callable[[], float], runs: int = 3) -> list[float]:
    """Return the median of the seconds that each of some works says it took.

    The works take turns, so that what else the machine does falls on all of them.
    """
    taken = [[work() for work in works] for _ in range(runs)]
    return [statistics.median(times) for times in zip(*taken, strict=True)]


def peak_memory(*arguments: str) -> float:
    """Return the most memory (in GiB) that a command of manage.py had; it must succeed.

    Read from the kernel while it runs: what `wait4` says of a child includes its parent's memory.
    """
    process = subprocess.Popen([sys.executable, "manage.py", *arguments], stdout=subprocess.DEVNULL)
    peak = 0.0
    while process.poll() is None:
        peak = max(peak, _peak(Path(f"/proc/{process.pid}")))
        time.sleep(0.05)
    if process.returncode:
        raise RuntimeError(f"{arguments[0]} failed.")
    return peak


def peak_of(application: str, port: int) -> float:
    """Return the most memory (in GiB) that any process which serves it at the port has had."""
    peaks = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has ended
            told = (process / "cmdline").read_bytes().decode().split("\0")
            if application in told and f"--bind=127.0.0.1:{port}" in told:
                peaks.append(_peak(process))
    return max(peaks)


def _peak(process: Path) -> float:
    found = re.search(r"VmHWM:\s+(\d+) kB", (process / "status").read_text())
    return int(found[1]) / 2**20 if found else 0.0
