"""LangChain's standard tests of a chat model, on ChatBedrockConverse and whatever serves CONTRACT_MODEL."""

import os
from pathlib import Path

import httpx
import pytest
from langchain_aws import ChatBedrockConverse
from langchain_core.language_models import BaseChatModel
from langchain_tests.integration_tests import ChatModelIntegrationTests, chat_models

MODEL = os.environ["CONTRACT_MODEL"]


@pytest.fixture(autouse=True)
def attachments(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests fetch their picture and document from the web; here both come from the disk."""

    def get(url: str, **_: object) -> httpx.Response:
        name = {"png": "CONTRACT_PNG", "pdf": "CONTRACT_PDF"}[url.rpartition(".")[2]]
        return httpx.Response(200, content=Path(os.environ[name]).read_bytes())

    class Disk:
        pass

    Disk.get = staticmethod(get)
    monkeypatch.setattr(chat_models, "httpx", Disk)


class TestChatBedrockConverse(ChatModelIntegrationTests):
    @property
    def chat_model_class(self) -> type[BaseChatModel]:
        return ChatBedrockConverse

    @property
    def chat_model_params(self) -> dict:
        if "anthropic" in MODEL:
            return {"model": MODEL}
        # what the library reads off Bedrock's own model ids has to be said for others
        choices = ("auto", "any", "tool")
        return {"model": MODEL, "provider": "openai", "supports_tool_choice_values": choices}

    @property
    def standard_chat_model_params(self) -> dict:
        return {"temperature": 0, "max_tokens": 200, "stop_sequences": []}

    @property
    def has_tool_calling(self) -> bool:
        return True

    @property
    def has_tool_choice(self) -> bool:
        return True

    @property
    def has_structured_output(self) -> bool:
        return True

    @property
    def supports_image_inputs(self) -> bool:
        return True

    @property
    def supports_image_tool_message(self) -> bool:
        return True

    @property
    def supports_anthropic_inputs(self) -> bool:
        return True

    @property
    def supports_pdf_inputs(self) -> bool:
        return True

    @property
    def supports_pdf_tool_message(self) -> bool:
        return True

    @property
    def returns_usage_metadata(self) -> bool:
        return True

    @property
    def supports_model_override(self) -> bool:
        return False
