import base64
import json

import pytest

from gateway_lib.runs.redaction import known_secrets, redactor

LONG = "q7abcdefghijklmnopqrstuvwxyz0123456789"


def test_secrets_are_found_by_the_names_of_variables_and_in_urls():
    found = known_secrets(
        {
            "GATEWAY_API_KEY": "key-value",
            "MY_TOKEN_2": "token-value",
            "PGPASSWORD": "password-value",
            "DATABASE_URL": "postgresql://u:p%40ssword@h/db",
            "SSL_KEY_FILE": "file-value",
            "PRIVATE_KEY": "/etc/hostname",
            "KEYBOARD": "keyboard-value",
            "X_KEY": "short",
        }
    )
    assert found == {"key-value", "token-value", "password-value", "p%40ssword", "p@ssword"}


@pytest.mark.parametrize(
    "text",
    [
        LONG,
        LONG[:20] + "...",
        LONG.encode().hex()[:0] + base64.b64encode(LONG.encode()).decode(),
        "sk-1234567890abcdef",
        "Authorization: Bearer abcdef1234567890",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln",
        "AKIAIOSFODNN7EXAMPLE",
        "-----BEGIN RSA PRIVATE KEY-----\nMIIE\nabc\n-----END RSA PRIVATE KEY-----",
    ],
)
def test_what_is_secret_goes_and_the_rest_stays(text):
    clean = redactor({"A_KEY": LONG}).text(f"before {text} after")
    assert clean.startswith("before ")
    assert clean.endswith(" after")
    assert "[redacted]" in clean
    assert text not in clean


def test_awkward_characters_are_found_however_they_are_written():
    secret = 'a"b<c>&d/e\\f é'
    guard = redactor({"A_SECRET": secret})
    page = "a&quot;b&lt;c&gt;&amp;d/e\\f é"
    for text in (secret, page, json.dumps(secret), "a%22b%3Cc%3E%26d%2Fe%5Cf%20%C3%A9"):
        assert "[redacted]" in guard.text(text), text


def test_passwords_in_urls_go_and_the_url_stays():
    assert redactor({}).text("at postgresql://me:pw@host/db") == (
        "at postgresql://me:[redacted]@host/db"
    )


@pytest.mark.parametrize(
    "text", ["task-oriented-processing", "sk-learn", "max_tokens=5", "risk-sk", "commit 0123456789"]
)
def test_ordinary_words_stay(text):
    assert redactor({"A_KEY": LONG}).text(text) == text


def test_a_notebook_keeps_its_shape():
    lines = ["one\n", f"two {LONG[:10]}", "three\n"]
    cell = {
        "cell_type": "code",
        "source": ["print(1)\n", f"x = '{LONG}'"],
        "outputs": [
            {"output_type": "stream", "name": "stdout", "text": f"{LONG}\n"},
            {"output_type": "error", "ename": "E", "evalue": LONG, "traceback": ["a", LONG, "b"]},
            {"output_type": "display_data", "data": {"image/png": "sk-aaaaaaaaaaaaaaaa"}},
        ],
    }
    document = json.dumps({"cells": [cell], "metadata": {"x": lines}})
    clean = json.loads(redactor({"A_KEY": LONG}).notebook(document))["cells"][0]
    assert clean["source"] == ["print(1)\n", "x = '[redacted]'"]
    assert clean["outputs"][0]["text"] == "[redacted]\n"
    assert clean["outputs"][1]["traceback"] == ["a", "[redacted]", "b"]
    assert clean["outputs"][2]["data"] == cell["outputs"][2]["data"]


def test_bytes_are_searched_for_known_secrets_and_patterns():
    guard = redactor({"A_KEY": LONG})
    assert guard.holds(b"\x89PNG\xff" + LONG.encode() + b"\x00")
    assert guard.holds(b"sk-1234567890abcdef")
    assert not guard.holds(bytes(range(256)))
