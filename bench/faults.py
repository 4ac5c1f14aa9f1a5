"""Harm loads in every way there is, at every place: `uv run python -m bench.faults [--trials N]`.

Each trial sends a form to the real application, harms its server, its worker or what they stand on
where it says, and then looks: what people see before anything is cleared up; how another worker
ends what was begun; what is left after `reap_uploads`; whether a load that was under way all along
is still alive; and whether the same form sent again gives exactly the dataset that an undisturbed
load gives. Exits 1 where anything is not as it must be.
"""

from __future__ import annotations

import argparse
import os
import time
from typing import TYPE_CHECKING

from bench.fault_trial import WITHOUT_SHARE, Result, Trial
from bench.stack import throwaway_stack

if TYPE_CHECKING:
    from bench.fault_trials import Laboratory

SHARES = (0.1, 0.3, 0.5, 0.7, 0.9)


def trials() -> list[Trial]:
    """Return all of them, those after which nothing else is alive last."""
    states = [("reading", 0.0), ("creating", 0.0), ("creating", 0.3), ("creating", 0.6)]
    states += [("storing", 0.0), ("sealing", 0.0)]
    ends = [("sealed", 0.0), ("stored", 0.0)]
    taking, handing = [("taking", 0.0)], [("handing over", 0.0)]
    sending, reading, storing = (
        [(step, share) for share in SHARES] for step in ("sending", "reading", "storing")
    )
    moments = [("time", n / 20) for n in range(1, 20, 2)]
    few = [reading[2], states[2], storing[2], states[-1], ends[0]]
    places = {
        "server killed": [*sending, *handing, reading[2], storing[2]],
        "worker killed": [*taking, *reading, *states, *storing, *ends, *moments],
        "worker killed and cleared up": few,
        "worker paused": [*taking, *states, reading[2], storing[2], *ends, *moments],
        "worker told to end": few,
        "worker told to end at once": few,
        "connections terminated": [
            sending[2], *handing, *taking, reading[2], *states, *storing, *ends, *moments,
        ],
        "connections terminated and cleared up": [sending[2], *handing, *taking, *few],
        "cancelled": [*taking, *few[:-1]],
        "browser closed": [*sending, ("sending", 1.0)],
        "session ended": [*sending, reading[2], storing[2]],
        "disk of staged files full": sending,
        "disk of the database full": storing,
        "Supabase unreachable": states[1:4],
        "Supabase answers 5xx": states[1:4],
        "Supabase too slow": states[1:4],
        "Supabase breaks off": states[1:4],
        "sent ten times at once": [("sending", 0.0)],
        "database restarted": [
            sending[2], *taking, reading[2], *states[1:], *storing, *ends, *moments,
        ],
    }  # fmt: skip
    return [Trial(fault, *place) for fault, at in places.items() for place in at]


def main() -> int:
    """Run the trials; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench.faults", description=__doc__)
    parser.add_argument("--trials", type=int, help="so many, spread over all; all by default")
    parser.add_argument("--fault", help="those with this in their name or place alone")
    options = parser.parse_args()
    every = [
        trial
        for trial in trials()
        if not options.fault or options.fault in f"{trial.fault}, {trial.where}"
    ]
    wanted = min(options.trials or len(every), len(every))
    chosen = [every[n * len(every) // wanted] for n in range(wanted)]
    os.environ["FAIRDB_REAP_MINUTES"] = "0"  # so that workers leave to be seen what is left over
    with throwaway_stack() as folder:
        from bench.fault_trials import Laboratory

        laboratory = Laboratory(folder)
        try:
            results = [(trial, _run(laboratory, trial)) for trial in chosen]
            problems = laboratory.end()
        finally:
            laboratory.close()
    for trial, result in results:
        problems += [f"{trial.fault}, {trial.where}: {problem}" for problem in result.problems]
    summary = f"{len(chosen)} trials, {len(problems)} problems"
    print("\n".join(["", *_table(results), "", summary, *problems]))
    return 1 if problems else 0


def _run(laboratory: Laboratory, trial: Trial) -> Result:
    started = time.perf_counter()
    try:
        result = laboratory.run(trial)
    except (AssertionError, TimeoutError) as error:
        result = Result(problems=[f"{type(error).__name__}: {error}"])
    verdict = "; ".join(result.problems) or "as it must be"
    seconds = f"{time.perf_counter() - started:.1f} s"
    facts = [
        trial.fault,
        trial.where,
        result.answer,
        result.stored_by,
        result.swept,
        verdict,
        seconds,
    ]
    print(" | ".join(facts), flush=True)
    return result


def _table(results: list[tuple[Trial, Result]]) -> list[str]:
    """Return the lines of a table: a fault, where it struck, what was said and done about it."""
    rows: dict[tuple[str, ...], list[Trial]] = {}
    for trial, result in results:
        verdict = "no" if result.problems else "yes"
        row = (trial.fault, result.answer, result.stored_by, result.swept, verdict)
        rows.setdefault(row, []).append(trial)
    lines = [
        "| Fault | Where | Trials | The person sees | Stored by attempt | Reaped | Held |",
        "|---|---|---|---|---|---|---|",
    ]
    for (fault, *facts, verdict), struck in rows.items():
        steps: dict[str, list[str]] = {}
        for trial in struck:
            steps.setdefault(trial.step, []).append(f"{trial.share * 100:.0f}")
        places = [
            step if step in WITHOUT_SHARE else f"{step} {', '.join(shares)} %"
            for step, shares in steps.items()
        ]
        cells = (fault, "; ".join(places), str(len(struck)), *facts, verdict)
        lines.append(f"| {' | '.join(cells)} |")
    return lines


if __name__ == "__main__":
    raise SystemExit(main())
