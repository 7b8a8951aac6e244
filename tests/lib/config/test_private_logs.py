"""What LiteLLM may log of a failed call: what failed and where, not what was said."""

from __future__ import annotations

import io
import logging
import logging.config

import pytest
import yaml

from gateway_lib import config


@pytest.fixture
def written():
    """The log of the LiteLLM proxy, configured as it is in its process."""
    logging.config.dictConfig(
        yaml.safe_load((config.CONFIG_DIR / "litellm-logging.yaml").read_text())
    )
    stream, logger = io.StringIO(), logging.getLogger("LiteLLM Proxy")
    handler = logging.StreamHandler(stream)
    logger.addHandler(handler)
    yield stream
    logger.removeHandler(handler)
    logging.setLogRecordFactory(logging.LogRecord)


class RefusedError(Exception):
    status_code = 400


def test_an_error_is_named_and_placed_and_not_quoted(written):
    logger = logging.getLogger("LiteLLM Proxy")
    said = "the model was sent: " + "can" + "ary"
    try:
        raise RefusedError(said)
    except RefusedError as error:
        logger.exception("a call failed - id=%s - %s", "c1", error)
    text = written.getvalue()
    assert "a call failed - id=c1 - RefusedError (status 400)" in text
    assert "test_an_error_is_named" in text and "canary" not in text


def test_an_error_that_was_made_a_text_loses_its_words(written):
    """The router logs it so where there are fallbacks."""
    said = "litellm.BadRequestError: OpenAIException - You said canary."
    logging.getLogger("LiteLLM Proxy").error("fallbacks failed - %s", said)
    assert written.getvalue() == "fallbacks failed - litellm.BadRequestError\n"
