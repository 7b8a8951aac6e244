"""Managed prompts through the whole chain: GetPrompt, the gateway, LiteLLM, the model's provider."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import boto3
import httpx
import openai
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from .callers import BEDROCK, OPENAI, Caller, continued, spoken_text, streamed_text

PREFIX = "arn:aws:bedrock:us-east-1:123456789012:prompt/"
GOV = "arn:aws-us-gov:bedrock:us-gov-west-1:123456789012:prompt/PROMPTGOV1"
HAIKU_3, NOVA = BEDROCK, "amazon.nova-lite-v1:0"
HAIKU_4_5 = "us.anthropic.claude-haiku-4-5-20251001-v1:0"
SONNET = "anthropic.claude-3-5-sonnet-20240620-v1:0"
CHAT_1 = PREFIX + "PROMPTCHT1:1"
SPACES_1 = PREFIX + "PROMPTSPC1:1"
GUARDRAIL = {"guardrailIdentifier": "grworkbench1", "guardrailVersion": "1"}
TIDES = {
    "name": "tides",
    "description": "The tides of a harbour.",
    "inputSchema": {
        "json": {
            "type": "object",
            "properties": {"harbour": {"type": "string"}},
            "required": ["harbour"],
        }
    },
}

pytestmark = pytest.mark.usefixtures("provider")


def values(**texts):
    return {name: {"text": text} for name, text in texts.items()}


@dataclass(frozen=True)
class Refused:
    """An error, in whichever protocol."""

    status: int
    kind: str
    message: str
    headers: Any


class OverOpenAI:
    """Prompts with OpenAI's SDK; `fields` of ours go into the body."""

    def __init__(self, caller: Caller, streamed: bool) -> None:
        self._caller, self._streamed = caller, streamed

    def text(self, arn, variables=None, *, session=None, **more):
        fields = {"promptVariables": variables, "session_id": session, **more}
        answer = self._caller.openai.chat.completions.create(
            model=arn, messages=[], stream=self._streamed, extra_body=fields
        )
        if self._streamed:
            return spoken_text(answer)
        return answer.choices[0].message.content or ""

    def guarded(self, arn, variables):
        return self.text(arn, variables, guardrails=["grworkbench1"])

    def refused(self, arn, variables=None, **more):
        with pytest.raises(openai.APIStatusError) as caught:
            self.text(arn, variables, **more)
        error, response = caught.value, caught.value.response
        return Refused(error.status_code, error.code, error.body["message"], response.headers)


class OverBedrock:
    """Prompts with boto3."""

    def __init__(self, caller: Caller, streamed: bool) -> None:
        self._caller, self._streamed = caller, streamed

    def text(self, arn, variables=None, *, session=None, **more):
        fields = continued(session) if session else {}
        given = {"promptVariables": variables} if variables is not None else {}
        request = {"modelId": arn, **given, **fields, **more}
        if self._streamed:
            return streamed_text(self._caller.bedrock.converse_stream(**request))
        blocks = self._caller.bedrock.converse(**request)["output"]["message"]["content"]
        return "".join(block.get("text", "") for block in blocks)

    def guarded(self, arn, variables):
        return self.text(arn, variables, guardrailConfig=GUARDRAIL)

    def refused(self, arn, variables=None, **more):
        with pytest.raises(ClientError) as caught:
            self.text(arn, variables, **more)
        error, metadata = (caught.value.response[k] for k in ("Error", "ResponseMetadata"))
        status, headers = metadata["HTTPStatusCode"], metadata["HTTPHeaders"]
        return Refused(status, error["Code"], error["Message"], headers)


@pytest.fixture(params=["openai", "openai stream", "bedrock", "bedrock stream"])
def api(request, caller):
    kind = OverOpenAI if request.param.startswith("openai") else OverBedrock
    return kind(caller, request.param.endswith("stream"))


@pytest.fixture(params=["openai", "bedrock"])
def plainly(request, caller):
    return (OverOpenAI if request.param == "openai" else OverBedrock)(caller, False)


@pytest.fixture
def journal(stack):
    """The calls of GetPrompt for a prompt."""
    url = f"{stack.environment['GATEWAY_SIMULATOR_URL']}/control/received"

    def calls(prompt_id):
        received = httpx.get(url, params={"model": prompt_id}, trust_env=False).json()
        return [entry for entry in received if entry["operation"] == "get-prompt"]

    return calls


def asked(provider, marker):
    """The one request for a model, without what is empty."""
    return {name: value for name, value in provider.only(marker).body.items() if value}


def turns(*said):
    return [{"role": role, "content": [{"text": text}]} for role, text in said]


def test_a_text_prompt_with_its_inference_configuration(api, provider, marker):
    assert api.text(PREFIX + "PROMPTTXT1:1", values(city=marker))
    assert asked(provider, marker) == {
        "messages": turns(("user", f"Tell me one fact about {marker}.")),
        "inferenceConfig": {"temperature": 0.2, "maxTokens": 200},
    }


def test_another_version_has_other_variables_and_no_configuration(api, provider, marker):
    assert api.text(PREFIX + "PROMPTTXT1:2", values(city=marker, tone="dry"))
    said = f"Tell me one fact about {marker} in a dry tone."
    assert asked(provider, marker) == {"messages": turns(("user", said))}


def test_a_chat_prompt_with_system_text_and_stop_sequences(api, provider, marker):
    assert (
        api.text(CHAT_1, values(company=marker, question="echo: open? END never"))[:6] == "open? "
    )
    assert asked(provider, marker) == {
        "system": [{"text": f"You help customers of {marker}. Be brief."}],
        "messages": turns(
            ("user", "Hello, I have a question."),
            ("assistant", "Gladly, what is it?"),
            ("user", "echo: open? END never"),
        ),
        "inferenceConfig": {
            "temperature": 0.5,
            "topP": 0.9,
            "maxTokens": 300,
            "stopSequences": ["END"],
        },
    }


@pytest.mark.parametrize("version", ["", ":DRAFT"])
def test_without_a_version_and_as_draft_it_is_the_draft(api, marker, version):
    assert api.text(f"{PREFIX}PROMPTSPC1{version}", values(a=marker)) == marker
    assert api.text(f"{PREFIX}PROMPTVAR1{version}", values(who=marker)) == f"Draft for {marker}"


def test_the_default_variant_counts_and_not_the_first(api, provider, marker):
    assert api.text(PREFIX + "PROMPTVAR1:1", values(who=marker)) == f"Good day, {marker}"
    assert provider.only(marker).wire == "bedrock"


@pytest.mark.parametrize("version", ["", ":1"])
def test_a_prompt_with_everything_arrives_with_everything(api, provider, marker, version):
    api.text(
        f"{PREFIX}PROMPTTOOL{version}",
        values(country="Norway", harbour=marker, question="How deep is it?"),
    )
    assert asked(provider, marker) == {
        "system": [
            {"text": "You know the harbours of Norway."},
            {"cachePoint": {"type": "default"}},
        ],
        "messages": [
            {
                "role": "user",
                "content": [
                    {"text": f"I will ask about {marker}."},
                    {"cachePoint": {"type": "default"}},
                ],
            },
            *turns(("assistant", "Please do."), ("user", "How deep is it?")),
        ],
        "inferenceConfig": {"temperature": 0.5, "maxTokens": 300, "stopSequences": ["END"]},
        "toolConfig": {"tools": [{"toolSpec": TIDES}], "toolChoice": {"auto": {}}},
        "additionalModelRequestFields": {"top_k": 40},
    }


def test_a_prompts_tool_is_called_over_both_interfaces(caller, marker):
    arn = PREFIX + "PROMPTTOOL:1"
    variables = values(
        country=marker, harbour="Bergen", question='call: tides {"harbour": "Bergen"}'
    )
    over_bedrock = caller.bedrock.converse(modelId=arn, promptVariables=variables)
    (use,) = (b["toolUse"] for b in over_bedrock["output"]["message"]["content"] if "toolUse" in b)
    assert (use["name"], use["input"]) == ("tides", {"harbour": "Bergen"})
    over_openai = caller.openai.chat.completions.create(
        model=arn, messages=[], extra_body={"promptVariables": variables}
    )
    (call,) = over_openai.choices[0].message.tool_calls
    assert call.function.name == "tides" and "Bergen" in call.function.arguments


def test_places_with_spaces_and_places_that_come_twice(api, marker):
    said = api.text(SPACES_1, values(a=marker, b="Oslo"))
    assert said == f"From {marker} to Oslo and back to {marker}."


@pytest.mark.parametrize("value", ["{{b}}", "{{ a }}", "{{other}}", "\\g<0> \\1 $1 %s {0}", '"}]'])
def test_a_value_is_never_expanded(api, marker, value):
    said = api.text(SPACES_1, values(a=f"{value}{marker}", b="{{a}}"))
    assert said == f"From {value}{marker} to {{{{a}}}} and back to {value}{marker}."


def test_a_cache_point_of_a_text_prompt_whose_model_is_an_arn(api, provider, marker):
    assert (
        api.text(PREFIX + "PROMPTCCH1", values(game=marker)) == f"The rules of {marker} are long."
    )
    text = {"text": f"echo: The rules of {marker} are long."}
    assert asked(provider, marker)["messages"] == [
        {"role": "user", "content": [text, {"cachePoint": {"type": "default"}}]}
    ]


@pytest.mark.parametrize(
    ("arn", "names", "model"),
    [
        ("PROMPTTXT1:1", ("city",), HAIKU_3),
        ("PROMPTCHT1:1", ("company", "question"), SONNET),
        ("PROMPTVAR1:1", ("who",), HAIKU_4_5),
        ("PROMPTTOOL:1", ("country", "harbour", "question"), HAIKU_4_5),
        ("PROMPTCCH1", ("game",), NOVA),
    ],
    ids=["id", "another id", "inference profile", "profile's ARN", "model's ARN"],
)
def test_the_model_is_found_by_whatever_the_prompt_calls_it(caller, marker, arn, names, model):
    variables = values(**dict.fromkeys(names, marker))
    answer = caller.openai.chat.completions.create(
        model=PREFIX + arn, messages=[], extra_body={"promptVariables": variables}
    )
    assert answer.model == model
    (turn,) = caller.turns(answer.model_extra["session_id"])
    assert (turn["model"], turn["served_by"]) == (model, model)


@pytest.mark.parametrize("variables", [None, {}])
def test_missing_variables_are_named(api, variables):
    refused = api.refused(CHAT_1, variables)
    assert refused.status == 400
    assert refused.kind in ("invalid_prompt_variables", "ValidationException")
    assert "'company', 'question'" in refused.message


def test_surplus_variables_are_named_and_their_values_are_not(api, provider, marker):
    refused = api.refused(CHAT_1, values(company="x", question="y", colour=marker))
    assert refused.status == 400 and "'colour'" in refused.message
    assert marker not in refused.message and provider.received(marker) == []


@pytest.mark.parametrize(
    "variables",
    [
        {"city": "marker"},
        {"city": {"text": 7}},
        {"city": {"text": None}},
        {"city": {}},
        {"city": {"text": "marker", "more": 1}},
        {"city": None},
        {"city": [{"text": "marker"}]},
        ["city"],
        "city",
    ],
)
@pytest.mark.parametrize("interface", ["openai", "bedrock"])
def test_a_variable_of_another_shape_is_refused(caller, interface, variables):
    arn = PREFIX + "PROMPTTXT1:1"
    body = {"promptVariables": variables}
    if interface == "openai":
        path, body = "/v1/chat/completions", {"model": arn, "messages": [], **body}
    else:
        path = f"/bedrock/model/{quote(arn, safe='')}/converse"
    answer = caller.http.post(path, json=body)
    assert answer.status_code == 400, answer.text
    assert "city" in answer.text or "promptVariables" in answer.text
    assert "marker" not in answer.text


@pytest.mark.parametrize(
    ("arn", "status", "code", "exception"),
    [
        (PREFIX + "PROMPTAGT1", 400, "prompt_not_supported", "ValidationException"),
        (PREFIX + "PROMPTTXT1", 400, "prompt_not_supported", "ValidationException"),
        (PREFIX + "NOSUCHPRMT", 404, "prompt_not_found", "ResourceNotFoundException"),
        (PREFIX + "PROMPTTXT1:9", 404, "prompt_not_found", "ResourceNotFoundException"),
        (
            PREFIX.replace("us-east-1", "eu-west-1") + "PROMPTTXT1:1",
            404,
            "prompt_not_found",
            "ResourceNotFoundException",
        ),
        (
            PREFIX.replace("123456789012", "210987654321") + "PROMPTTXT1:1",
            403,
            "prompt_forbidden",
            "AccessDeniedException",
        ),
    ],
    ids=["of an agent", "without a model", "unknown", "version", "region", "account"],
)
def test_what_cannot_be_had_is_refused_in_the_callers_protocol(api, arn, status, code, exception):
    refused = api.refused(arn, values(city="x"))
    assert refused.status == status and refused.kind in (code, exception)
    assert "assumed-role" not in refused.message


@pytest.mark.parametrize(
    "arn",
    [
        PREFIX,
        PREFIX + "short",
        PREFIX + "PROMPTTXT1:0",
        PREFIX + "PROMPTTXT1:1x",
        PREFIX + "PROMPTTXT1:123456",
        PREFIX + "PROMPTTXT1/more",
        PREFIX.replace("us-east-1", "nowhere") + "PROMPTTXT1",
        PREFIX.replace("us-east-1", "us-east-1.example.com-1") + "PROMPTTXT1",
        PREFIX.replace("123456789012", "12") + "PROMPTTXT1",
        PREFIX.replace("arn:aws:", "arn:aws-cn:") + "PROMPTTXT1",
    ],
)
@pytest.mark.parametrize("interface", ["openai", "bedrock"])
def test_a_malformed_arn_is_refused_before_anybody_is_asked(caller, journal, interface, arn):
    before = len(journal("PROMPTTXT1"))
    if interface == "openai":
        answer = caller.http.post("/v1/chat/completions", json={"model": arn, "messages": []})
        assert answer.json()["error"]["code"] == "invalid_prompt_arn"
    else:
        answer = caller.http.post(f"/bedrock/model/{quote(arn, safe='')}/converse", json={})
        assert answer.headers["x-amzn-errortype"] == "ValidationException"
    assert answer.status_code == 400 and "The ARN of the prompt is not valid" in answer.text
    assert len(journal("PROMPTTXT1")) == before


def test_a_prompt_of_another_partition_is_fetched_with_its_own_regions_signature(
    api, stack, journal, marker
):
    assert api.text(GOV, values(who=marker)) == f"Far away, {marker}"
    assert {
        entry["status"] for entry in journal("PROMPTGOV1") if "aws-us-gov" in entry["path"]
    } == {200}


def test_the_simulated_aws_refuses_another_regions_signature(stack):
    client = boto3.client(
        "bedrock-agent",
        "us-east-1",
        endpoint_url=f"{stack.environment['GATEWAY_SIMULATOR_URL']}/bedrock-agent",
        aws_access_key_id="simulated",
        aws_secret_access_key="simulated",
        config=Config(retries={"total_max_attempts": 1}),
    )
    with pytest.raises(ClientError, match="scoped to a valid region"):
        client.get_prompt(promptIdentifier=GOV)
    client.close()


@pytest.mark.parametrize("streamed", [False, True])
def test_on_bedrock_given_messages_follow_the_prompts(caller, provider, marker, streamed):
    given = turns(("assistant", "Oslo it is."), ("user", f"echo: and {marker}"))
    api = OverBedrock(caller, streamed)
    said = api.text(SPACES_1, values(a="Bergen", b="Oslo"), messages=given)
    assert said == f"and {marker}"
    prompt = ("user", "echo: From Bergen to Oslo and back to Bergen.")
    assert asked(provider, marker)["messages"] == [*turns(prompt), *given]


@pytest.mark.parametrize(
    "member",
    [
        {"system": [{"text": "Be kind."}]},
        {"inferenceConfig": {"temperature": 0.1}},
        {"toolConfig": {"tools": [{"toolSpec": TIDES}]}},
        {"additionalModelRequestFields": {"top_k": 1}},
    ],
    ids=lambda member: next(iter(member)),
)
@pytest.mark.parametrize("streamed", [False, True])
def test_on_bedrock_what_the_prompt_has_itself_is_refused(
    caller, provider, marker, streamed, member
):
    variables = values(a=marker, b="x")
    refused = OverBedrock(caller, streamed).refused(SPACES_1, variables, **member)
    assert (refused.status, refused.kind) == (400, "ValidationException")
    assert next(iter(member)) in refused.message and provider.received(marker) == []


def test_on_bedrock_a_sessions_id_beside_other_fields_does_not_let_them_through(caller, marker):
    session = caller.begin(f"echo: {marker}")
    fields = {"additionalModelRequestFields": {"session_id": session, "top_k": 1}}
    refused = OverBedrock(caller, False).refused(SPACES_1, values(a="x", b="y"), **fields)
    assert refused.status == 400 and "additionalModelRequestFields" in refused.message


def test_with_openai_given_messages_are_ignored(caller, provider, marker):
    answer = caller.openai.chat.completions.create(
        model=SPACES_1,
        messages=[{"role": "user", "content": f"echo: nobody reads this {marker}"}],
        extra_body={"promptVariables": values(a=marker, b="x")},
    )
    assert answer.choices[0].message.content == f"From {marker} to x and back to {marker}."
    assert "nobody" not in provider.only(marker).text
    assert "nobody" not in str(caller.spoken(answer.model_extra["session_id"]))


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("limit", ["max_tokens", "max_completion_tokens"])
def test_with_openai_the_callers_parameters_win(caller, provider, marker, streamed, limit):
    answer = caller.openai.chat.completions.create(
        model=CHAT_1,
        messages=[],
        temperature=0,
        stop=["STOP"],
        stream=streamed,
        extra_body={"promptVariables": values(company=marker, question="echo: x"), limit: 50},
    )
    assert list(answer) if streamed else answer.choices
    assert asked(provider, marker)["inferenceConfig"] == {
        "temperature": 0,
        "topP": 0.9,
        "maxTokens": 50,
        "stopSequences": ["STOP"],
    }


def test_with_openai_the_callers_tools_stand_in_for_the_prompts(caller, provider, marker):
    weather = {"name": "weather", "parameters": {"type": "object", "properties": {}}}
    caller.openai.chat.completions.create(
        model=PREFIX + "PROMPTTOOL:1",
        messages=[],
        tools=[{"type": "function", "function": weather}],
        extra_body={"promptVariables": values(country=marker, harbour="x", question="y")},
    )
    (tool,) = asked(provider, marker)["toolConfig"]["tools"]
    assert tool["toolSpec"]["name"] == "weather"


@pytest.mark.parametrize("variables", [{}, values(a="b")])
def test_variables_without_a_prompt_are_refused(caller, provider, marker, variables):
    with pytest.raises(openai.BadRequestError, match="must be a prompt's ARN"):
        caller.say(f"echo: {marker}", extra_body={"promptVariables": variables})
    if variables:
        with pytest.raises(caller.bedrock.exceptions.ValidationException, match="a prompt's ARN"):
            caller.converse(f"echo: {marker}", OPENAI, promptVariables=variables)
    assert provider.received(marker) == []


def test_a_prompt_in_the_path_of_a_client_for_azure(caller, provider, marker):
    answer = caller.http.post(
        f"/openai/deployments/{quote(SPACES_1, safe='')}/chat/completions",
        json={"messages": [], "promptVariables": values(a=marker, b="x")},
    )
    assert answer.status_code == 200, answer.text
    assert marker in answer.json()["choices"][0]["message"]["content"]


def test_a_prompt_begins_a_conversation_and_goes_on_with_one(api, caller, provider, marker):
    """Again with the session's id, and then plainly, over either interface."""
    variables = values(company=marker, question="echo: first")
    assert api.text(CHAT_1, variables) == "first"
    (session,) = caller.http.post("/session-ids", json={"limit": 1}).json()["session_ids"]
    variables["question"]["text"] = "echo: second"
    assert api.text(CHAT_1, variables, session=session) == "second"
    again = provider.received(marker)[-1].body
    system = [{"text": f"You help customers of {marker}. Be brief."}]
    opening = [("user", "Hello, I have a question."), ("assistant", "Gladly, what is it?")]
    seen = [*opening, ("user", "echo: first"), ("assistant", "first")]
    seen += [*opening, ("user", "echo: second")]
    assert (again["system"], again["messages"]) == (system, turns(*seen))

    answer = caller.say("echo: third", SONNET, extra_body={"session_id": session})
    assert answer.choices[0].message.content == "third"
    caller.converse("echo: fourth", SONNET, **continued(session))
    last = provider.received(marker)[-1].body
    seen += [("assistant", "second"), ("user", "echo: third"), ("assistant", "third")]
    assert last["messages"] == turns(*seen, ("user", "echo: fourth"))
    assert last["system"] == system
    assert [turn["complete"] for turn in caller.turns(session)] == [True] * 4


def test_a_plain_conversation_goes_on_with_a_prompt(plainly, caller, provider, marker):
    session = caller.begin(f"echo: {marker}")
    said = plainly.text(SPACES_1, values(a="here", b="there"), session=session)
    assert said == "From here to there and back to here."
    assert provider.received(marker)[-1].body["messages"] == turns(
        ("user", f"echo: {marker}"),
        ("assistant", marker),
        ("user", "echo: From here to there and back to here."),
    )


def test_a_prompt_with_history_switched_off_keeps_nothing(caller, database, marker):
    variables = values(a=marker, b="x")
    answer = caller.openai.chat.completions.create(
        model=SPACES_1, messages=[], store=False, extra_body={"promptVariables": variables}
    )
    assert "session_id" not in answer.model_extra
    answer = caller.bedrock.converse(
        modelId=SPACES_1,
        promptVariables=variables,
        additionalModelRequestFields={"enable_history": False},
    )
    assert "x-session-id" not in answer["ResponseMetadata"]["HTTPHeaders"]
    query = "SELECT count(*) FROM turns WHERE messages::text LIKE %s"
    assert database.execute(query, [f"%{marker}%"]).fetchone() == (0,)


def test_a_guardrail_checks_a_prompt_and_its_variables(api, provider, marker):
    said = api.guarded(SPACES_1, values(a=f"{marker}@example.com", b=marker))
    assert "{EMAIL}" in said and "@example.com" not in said


def test_a_guardrail_stops_a_variable(plainly, marker):
    variables = values(a=f"forbidden-word {marker}", b="x")
    if isinstance(plainly, OverBedrock):
        assert (
            plainly.guarded(SPACES_1, variables) == "Sorry, the model cannot answer this question."
        )
    else:
        refused = plainly.refused(SPACES_1, variables, guardrails=["grworkbench1"])
        assert refused.status == 400


def test_a_prompt_is_not_fetched_for_a_key_that_is_not_good(someone, master, journal):
    arn = PREFIX + "NEVERASKED"
    blocked = someone()
    assert master.http.post("/key/block", json={"key": blocked.key}).is_success
    strangers = [blocked, *(someone(key=key) for key in ("sk-made-up", "no key at all", "sk-"))]
    for stranger in strangers:
        body = {"promptVariables": values(a="x")}
        answer = stranger.http.post(
            "/v1/chat/completions", json={"model": arn, "messages": [], **body}
        )
        assert (answer.status_code, answer.json()["error"]["code"]) == (401, "invalid_api_key")
        for operation in ("converse", "converse-stream"):
            path = f"/bedrock/model/{quote(arn, safe='')}/{operation}"
            answer = stranger.http.post(path, json=body)
            assert answer.headers["x-amzn-errortype"] == "AccessDeniedException"
    assert journal("NEVERASKED") == []


def test_a_prompt_is_fetched_once_for_many_calls_of_many_keys(caller, someone, journal, marker):
    callers = [caller, someone(), someone()]
    arn = PREFIX + "PROMPTCCH1:DRAFT"
    for one in callers:
        for api in (OverOpenAI(one, False), OverBedrock(one, True), OverBedrock(one, False)):
            assert marker in api.text(arn, values(game=marker))
    fetched = [e for e in journal("PROMPTCCH1") if e["query"] == "promptVersion=DRAFT"]
    assert len(fetched) == 1 and fetched[0]["status"] == 200


@pytest.mark.parametrize(
    ("fault", "status", "code", "exception"),
    [
        (
            {"kind": "status", "status": 429, "retry_after": 3},
            429,
            "prompt_throttled",
            "ThrottlingException",
        ),
        (
            {"kind": "status", "status": 400, "code": "ThrottlingException"},
            429,
            "prompt_throttled",
            "ThrottlingException",
        ),
        (
            {"kind": "status", "status": 500},
            503,
            "prompts_unavailable",
            "ServiceUnavailableException",
        ),
        (
            {"kind": "status", "status": 503},
            503,
            "prompts_unavailable",
            "ServiceUnavailableException",
        ),
        ({"kind": "reset"}, 503, "prompts_unavailable", "ServiceUnavailableException"),
        ({"kind": "malformed_json"}, 503, "prompts_unavailable", "ServiceUnavailableException"),
    ],
    ids=["429", "throttled", "500", "503", "reset", "malformed"],
)
def test_faults_of_getprompt_in_the_callers_protocol(api, provider, fault, status, code, exception):
    provider.fail("PROMPTTXT1", **fault)
    refused = api.refused(PREFIX + "PROMPTTXT1:DRAFT", values(city="x"))
    assert refused.status == status and refused.kind in (code, exception)
    assert refused.headers["retry-after"] == str(fault.get("retry_after", 1))


def test_a_fault_is_not_remembered(caller, provider, marker):
    arn, api = f"{GOV}:DRAFT", OverOpenAI(caller, False)
    provider.fail("PROMPTGOV1", "status", status=500, count=1)
    assert api.refused(arn, values(who=marker)).status == 503
    assert api.text(arn, values(who=marker)) == f"Far away, {marker}"


def test_a_prompt_does_not_lend_its_model_to_a_key_that_may_not_use_it(someone, provider, marker):
    confined = someone(models=[OPENAI])
    for api in (OverOpenAI(confined, False), OverBedrock(confined, False)):
        assert api.refused(SPACES_1, values(a=marker, b="x")).status == 403
    assert provider.received(marker) == []


@pytest.mark.parametrize("operation", ["invoke", "invoke-with-response-stream", "count-tokens"])
def test_other_operations_of_bedrock_take_no_prompt(caller, operation):
    answer = caller.http.post(
        f"/bedrock/model/{quote(SPACES_1, safe='')}/{operation}",
        json={"input": {"converse": {"messages": turns(("user", "x"))}}},
    )
    assert (answer.status_code, answer.headers["x-amzn-errortype"]) == (400, "ValidationException")
