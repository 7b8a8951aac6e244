"""LangChain's own standard tests of a chat model, with ChatBedrockConverse as it comes."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from tests.contract.environments import environment
from tests.contract.models import HAIKU_4_5, OPENAI
from tests.contract.turns import pdf

KINDS = {"failure", "error", "skipped"}
SKIPPED = {
    # the class has no such parameter, or no such method
    "test_invoke_with_model_override",
    "test_ainvoke_with_model_override",
    "test_stream_with_model_override",
    "test_astream_with_model_override",
    "test_json_mode",
    # no model here hears
    "test_audio_inputs",
    # compares with a recording
    "test_stream_time",
}
FEATURES = {
    "test_invoke",
    "test_ainvoke",
    "test_stream",
    "test_astream",
    "test_batch",
    "test_conversation",
    "test_double_messages_conversation",
    "test_usage_metadata",
    "test_usage_metadata_streaming",
    "test_stop_sequence",
    "test_tool_calling",
    "test_tool_choice",
    "test_tool_calling_with_no_arguments",
    "test_tool_message_error_status",
    "test_structured_few_shot_examples",
    "test_structured_output",
    "test_structured_output_optional_param",
    "test_image_inputs",
    "test_image_tool_message",
    "test_pdf_inputs",
    "test_pdf_tool_message",
    "test_anthropic_inputs",
    "test_agent_loop",
    "test_unicode_tool_call_integration",
}


@pytest.mark.parametrize("model", [OPENAI, HAIKU_4_5])
def test_the_standard_tests(variables, provider, model, picture, tmp_path):
    report, document, home = (tmp_path / name for name in ("report.xml", "document.pdf", "home"))
    document.write_bytes(pdf("A document of one page."))
    home.mkdir()
    given = {"CONTRACT_MODEL": model, "CONTRACT_PNG": str(picture), "CONTRACT_PDF": str(document)}
    langchain = environment("langchain")
    settings = langchain.programs / "pytest.ini"
    options = [
        "-m",
        "pytest",
        "-c",
        str(settings),
        "--noconftest",
        f"--junit-xml={report}",
        "--tb=short",
    ]
    done = langchain.run(
        "standard.py", options=options, variables={**variables, **given}, folder=home
    )
    cases = ElementTree.parse(report).getroot().iter("testcase")
    outcomes = {case.attrib["name"]: {child.tag for child in case} & KINDS for case in cases}
    failed = [name for name, kinds in outcomes.items() if kinds & {"failure", "error"}]
    assert not failed, done.stdout[-6000:]
    assert {name for name, kinds in outcomes.items() if kinds == {"skipped"}} == SKIPPED
    passed = {name.partition("[")[0] for name, kinds in outcomes.items() if not kinds}
    assert passed >= FEATURES
