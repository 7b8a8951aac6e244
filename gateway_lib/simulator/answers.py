"""What a model says.

The last user turn decides. ``echo: text`` is repeated to the letter, ``call: tool {json}`` makes
exactly those tool calls, a question of the question set is answered right or wrong as the profile
says, one about what the user has told is answered from the conversation, tool results are summed
up, anything else gets plain text that is stable for its content.
Tools are called when the choice demands it, or when the message names a word of the tool's name.
"""

import json
import re
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import orjson

from gateway_lib.simulator.conversation import ChatRequest, Json, Tool, ToolCall
from gateway_lib.simulator.memory import Occurrences, generator
from gateway_lib.simulator.profiles import Profile
from gateway_lib.simulator.prose import extend
from gateway_lib.simulator.questions import Question, QuestionSet
from gateway_lib.simulator.recall import recall
from gateway_lib.simulator.refusals import invalid
from gateway_lib.simulator.schemas import Hints, instance

_ECHO = re.compile(r"\s*echo: ?(.*)\Z", re.DOTALL)
_CALL = re.compile(r"^call: *([\w-]+) *(\{.*\})? *$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Draft:
    """An answer before limits: text, tool calls, and whether a known question was got right."""

    text: str = ""
    calls: tuple[ToolCall, ...] = ()
    question_id: str | None = None
    correct: bool | None = None


class Answerer:
    """Composes drafts. Deterministic for (seed, model, content, occurrence of a question)."""

    def __init__(self, seed: int, questions: QuestionSet) -> None:
        self._seed = seed
        self.questions = questions

    def compose(
        self, request: ChatRequest, profile: Profile, content: str, occurrences: Occurrences
    ) -> Draft:
        """Return the draft for a request.

        Args:
            request: The conversation.
            profile: The model's truth.
            content: Fingerprint of the conversation; the same one gets the same text.
            occurrences: Counts how often each question was asked of each model.
        """
        random = generator(self._seed, request.model, content, "text")
        length = round(profile.output_tokens.draw(random))
        answered = bool(request.turns and request.turns[-1].results)
        if not answered and (wanted := _wanted(request)):
            return self._calling(wanted, request, profile, occurrences)
        if echo := _ECHO.match(request.question):
            return Draft(echo[1])
        if answered:
            start = " ".join(
                f"The tool {'failed with' if result.error else 'returned'} {result.text.strip()}."
                for result in request.turns[-1].results
            )
            draft = Draft(extend(start, length, random))
        elif question := self.questions.recognise(request.question):
            draft = self._next_answer(question, request, profile, occurrences, length)
        elif remembered := recall(request):
            draft = Draft(remembered)
        else:
            draft = Draft(extend(_media_note(request), length, random))
        return self._formed(request, draft)

    def answer(
        self, question: Question, model: str, profile: Profile, occurrence: int, length: int = 0
    ) -> Draft:
        """Answer a known question for the n-th time, right with the profile's probability."""
        random = generator(self._seed, model, question.id, occurrence)
        correct = random.random() < profile.accuracy.of(question.id)
        said = question.answer if correct else random.choice(question.wrong)
        text = extend(f"The answer is {said}.", length, random)
        return Draft(text, question_id=question.id, correct=correct)

    def _next_answer(
        self,
        question: Question,
        request: ChatRequest,
        profile: Profile,
        occurrences: Occurrences,
        length: int,
    ) -> Draft:
        occurrence = occurrences.next(request.model, "question", question.id)
        return self.answer(question, request.model, profile, occurrence, length)

    def _calling(
        self,
        wanted: list[tuple[Tool, Json | None]],
        request: ChatRequest,
        profile: Profile,
        occurrences: Occurrences,
    ) -> Draft:
        """Call tools; where a known question was asked, their arguments may hold its answer."""
        draft = Draft()
        question = self.questions.recognise(request.question)
        if question and any(given is None for _, given in wanted):
            draft = self._next_answer(question, request, profile, occurrences, 0)
        hints = Hints.from_message(request.question, _said(draft.text))
        calls = []
        for tool, given in wanted:
            arguments = given
            if arguments is None:
                arguments = instance({"type": "object", **tool.schema}, hints)
            calls.append(ToolCall(f"call_{uuid4().hex[:24]}", tool.name, arguments))
        return Draft("", tuple(calls), draft.question_id, draft.correct)

    def _formed(self, request: ChatRequest, draft: Draft) -> Draft:
        if request.output.form == "text":
            return draft
        answer = _said(draft.text) or draft.text
        value: Any = {"answer": answer}
        if request.output.form == "json_schema":
            hints = Hints.from_message(request.question, answer)
            value = instance(request.output.schema, hints)
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        return Draft(text, (), draft.question_id, draft.correct)


def _said(text: str) -> str:
    """The answer inside an answering sentence, empty if there is none."""
    found = re.match(r"The answer is (.+?)\.(?:\s|$)", text)
    return found[1] if found else ""


def _wanted(request: ChatRequest) -> list[tuple[Tool, Json | None]]:
    """The tools to call, with arguments where the message gives them."""
    choice, tools = request.tool_choice, request.tools
    wanted: list[tuple[Tool, Json | None]]
    if not tools or choice.mode == "none":
        return []
    if choice.mode == "named":
        wanted = [(tool, None) for tool in tools if tool.name == choice.name]
    else:
        wanted = _directed(request) or [(t, None) for t in tools if _mentions(request, t)]
        if not wanted and choice.mode == "required":
            wanted = [(tools[0], None)]
    return wanted if request.parallel_calls else wanted[:1]


def _directed(request: ChatRequest) -> list[tuple[Tool, Json | None]]:
    """Calls the message spells out, one ``call: name {json}`` line each."""
    known = {tool.name: tool for tool in request.tools}
    found: list[tuple[Tool, Json | None]] = []
    for name, arguments in _CALL.findall(request.question):
        if name not in known:
            raise invalid(f"the message asks for the tool {name!r}, which was not given")
        try:
            given = orjson.loads(arguments) if arguments else None
        except orjson.JSONDecodeError as error:
            raise invalid(f"arguments of the directed call of {name!r} are not JSON") from error
        found.append((known[name], given))
    return found


def _mentions(request: ChatRequest, tool: Tool) -> bool:
    parts = re.findall(r"[A-Za-z][a-z]{3,}", tool.name) or [tool.name]
    message = request.question.lower()
    return any(part.lower() in message for part in parts)


def _media_note(request: ChatRequest) -> str:
    kinds = [medium.kind for medium in request.media]
    if not kinds:
        return ""
    counts = {kind: kinds.count(kind) for kind in dict.fromkeys(kinds)}
    listed = " and ".join(f"{n} {kind}{'s' if n > 1 else ''}" for kind, n in counts.items())
    return f"Received {listed}."
