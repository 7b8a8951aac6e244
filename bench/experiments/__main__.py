"""`python -m bench.experiments`: the simulation study, as tables, and with `--write` in the documentation."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from tqdm import tqdm

from bench.experiments.checks import Check, checks, wrongs
from bench.experiments.study import CASES, Outcome, run

PAGE = Path(__file__).parents[2] / "docs" / "experiments-statistics.md"
BEGIN, END = "<!-- study: begin -->", "<!-- study: end -->"
FALSE_POSITIVES = 0.065
COVERAGE = {"fixed": (0.935, 0.965), "sequential": (0.94, 1.0)}
POWER = 0.03


def holds(outcome: Outcome) -> bool:
    """Whether a case keeps what is promised of it."""
    low, high = COVERAGE[outcome.case.rule]
    return (
        outcome.false_positives <= FALSE_POSITIVES
        and low <= outcome.coverage <= high
        and abs(outcome.power - outcome.promised) <= POWER
    )


def page(outcomes: list[Outcome], shown: list[Check], wrong: list[Check], experiments: int) -> str:
    """The tables as Markdown."""
    lines = [
        f"{experiments:,} experiments for each number; the standard error of a share of 5 % is "
        f"{100 * (0.05 * 0.95 / experiments) ** 0.5:.1f} points.",
        "",
        "| metric | design | units, calls | false positives | coverage | power promised | power | |",
        "| :-- | :-- | --: | --: | --: | --: | --: | :-- |",
    ]
    for each in outcomes:
        case = each.case
        design = "one look" if case.rule == "fixed" else "30 looks"
        design += ", sticky units" if case.sticky else ""
        lines.append(
            f"| {case.kind} | {design} | {each.units:,}, {each.calls:,} "
            f"| {100 * each.false_positives:.1f} % | {100 * each.coverage:.1f} % "
            f"| {100 * each.promised:.1f} % | {100 * each.power:.1f} % "
            f"| {'holds' if holds(each) else 'misses'} |"
        )
    lines += ["", "| what | how often | bound |", "| :-- | --: | --: |"]
    for check in shown:
        bound = f"at least {100 * check.least:.1f} %" if check.least is not None else ""
        bound = f"at most {100 * check.most:.1f} %" if check.most is not None else bound
        lines.append(f"| {check.name} | {100 * check.told:.1f} % | {bound} |")
    lines += ["", "| what is not done | false positives |", "| :-- | --: |"]
    lines += [f"| {check.name} | {100 * check.told:.1f} % |" for check in wrong]
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.experiments", description=__doc__)
    parser.add_argument("--experiments", type=int, default=2000, help="for each number")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--write", action="store_true", help=f"put the tables into {PAGE.name}")
    given = parser.parse_args()
    began = time.monotonic()
    outcomes = [run(case, given.experiments, given.seed) for case in tqdm(CASES, disable=None)]
    shown = checks(given.experiments, given.seed)
    wrong = wrongs(given.experiments, given.seed)
    text = page(outcomes, shown, wrong, given.experiments)
    sys.stdout.write(f"{text}\n\n{time.monotonic() - began:.0f} s\n")
    if given.write:
        before, rest = PAGE.read_text().split(BEGIN)
        after = rest.split(END)[1]
        PAGE.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}")
    return 0 if all(map(holds, outcomes)) and all(check.holds for check in shown) else 1


if __name__ == "__main__":
    sys.exit(main())
