"""The answers of the models next to each other, question by question, for a person to read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pandas as pd
from jinja2 import ChoiceLoader, Environment, PackageLoader

from gateway_lib.benchmark.quality.scorers import Reference
from gateway_lib.errors import RecordsUnusable
from gateway_lib.plots import short_names

MOST_QUESTIONS = 200


@dataclass(frozen=True)
class Answer:
    """One text that a model gave to a question, once or several times; what is unknown is empty.

    Attributes:
        text: The answer, or what went wrong.
        kind: `right`, `wrong`, `error` or `unjudged`.
        times: How often it came.
        total_ms: Median time to its end.
        cost_usd: Median cost.
        tokens: Median of its tokens.
        reason: The scorer's.
    """

    text: str
    kind: str
    times: int
    total_ms: float | None
    cost_usd: float | None
    tokens: int | None
    reason: str

    @property
    def word(self) -> str:
        return {"error": "failed", "unjudged": ""}.get(self.kind, self.kind)

    @property
    def total(self) -> str:
        return "" if self.total_ms is None else f"{self.total_ms:,.0f} ms"

    @property
    def cost(self) -> str:
        return "" if self.cost_usd is None else f"${self.cost_usd:.6f}"


@dataclass(frozen=True)
class Asked:
    """A question with every model's answers, the frequent ones first."""

    id: str
    text: str
    reference: str
    answers: Mapping[str, list[Answer]]


def side_by_side(
    frame: pd.DataFrame, known: Mapping[str, Reference], *, most: int = MOST_QUESTIONS
) -> list[Asked]:
    """Questions in the order of their ids, each with the answers of all models.

    Args:
        frame: Records with `answer`.
        known: Text and right answer by question id; the id stands for a text that is not known.
        most: How many questions.

    Raises:
        RecordsUnusable: The answers of this run were not kept.
    """
    if "answer" not in frame or not frame["answer"].notna().any():
        raise RecordsUnusable("the answers of this run were not kept: see keep_answers in its spec")
    models = sorted(map(str, frame["model"].unique()))
    ids = sorted(map(str, frame["question"].unique()))[:most]
    chosen = frame[frame["question"].isin(ids)]
    parts = dict(iter(chosen.groupby(["question", "model"], observed=True)))
    found = []
    for name in ids:
        about = known.get(name) or Reference(name)
        answers = {
            model: list(_answers(parts[name, model])) if (name, model) in parts else []
            for model in models
        }
        found.append(Asked(name, about.question, about.answer or "", answers))
    return found


def _answers(part: pd.DataFrame) -> Iterator[Answer]:
    said = part["answer"].where(part["ok"], part["error"]).astype(object).fillna("")
    grouped = part.assign(_said=said).groupby(["_said", "ok"], sort=False)
    for (text, ok), same in sorted(grouped, key=lambda item: -len(item[1])):
        judged = same["correct"].dropna()
        kind = "unjudged" if not len(judged) else "right" if bool(judged.iloc[0]) else "wrong"
        reasons = [c for c in same.columns if c.startswith("score_") and c.endswith("_reason")]
        told = [f"{same[name].dropna().iloc[0]}" for name in reasons if same[name].notna().any()]
        tokens = same["tokens_out"].astype(float).median()
        yield Answer(
            text=str(text),
            kind=kind if ok else "error",
            times=len(same),
            total_ms=_known(same["total_ms"].median()),
            cost_usd=_known(same["cost_usd"].median()),
            tokens=None if pd.isna(tokens) else round(tokens),
            reason="; ".join(filter(None, told)),
        )


def _known(value: float) -> float | None:
    return None if pd.isna(value) else float(value)


def answers_page(
    frame: pd.DataFrame, known: Mapping[str, Reference], *, most: int = MOST_QUESTIONS
) -> str:
    """A page that needs nothing else, in HTML: a section per question, a column per model.

    Raises:
        RecordsUnusable: The answers of this run were not kept.
    """
    asked = side_by_side(frame, known, most=most)
    models = sorted(map(str, frame["model"].unique()))
    loader = ChoiceLoader(
        [PackageLoader("gateway_lib.benchmark.quality"), PackageLoader("gateway_lib.runs")]
    )
    environment = Environment(loader=loader, autoescape=True, trim_blocks=True)
    return environment.get_template("answers.html.j2").render(
        questions=asked,
        models=models,
        names=short_names(models),
        left_out=frame["question"].nunique() - len(asked),
    )


def answers_text(
    frame: pd.DataFrame, known: Mapping[str, Reference], *, most: int = MOST_QUESTIONS
) -> str:
    """The same as plain text: each question, and below it each model with answer, time and cost.

    Raises:
        RecordsUnusable: The answers of this run were not kept.
    """
    lines: list[str] = []
    for asked in side_by_side(frame, known, most=most):
        right = f"  (right: {asked.reference})" if asked.reference else ""
        lines += ["=" * 72, f"{asked.id}: {asked.text}{right}"]
        for model, answers in asked.answers.items():
            for answer in answers:
                times = f"{answer.times} times" if answer.times > 1 else ""
                facts = filter(None, (answer.word, times, answer.total, answer.cost))
                lines += ["", f"{model}: {', '.join(facts)}", answer.text]
        lines.append("")
    return "\n".join(lines)


def known_of(frame: pd.DataFrame) -> dict[str, Reference]:
    """What a run asked, and what is right, from its story: by id, as far as the prompts are still there."""
    from gateway_lib.benchmark.plan.prompts import questions
    from gateway_lib.benchmark.plan.spec import spec_of
    from gateway_lib.benchmark.quality.scoring import references
    from gateway_lib.benchmark.records.story import about
    from gateway_lib.errors import GatewayError

    try:
        spec = spec_of(about(frame).spec)
        texts = {p.id: Reference(p.text) for p in spec.prompts.load(spec.seed)}
        if spec.prompts.questions is None:
            return texts
        asked = questions(spec.prompts.questions, n=spec.prompts.n, seed=spec.seed)
        return {**texts, **references(asked)}
    except GatewayError:
        return {}
