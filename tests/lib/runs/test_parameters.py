import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from gateway_lib.errors import ParameterTypeError, SecretInParameter, UnknownParameter
from gateway_lib.runs.parameters import (
    notebook_parameters,
    refuse_secrets,
    refuse_unknown,
    split_assignments,
)
from gateway_lib.runs.redaction import redactor


def parameters_of(source):
    cell = new_code_cell(source, metadata={"tags": ["parameters"]})
    return notebook_parameters(new_notebook(cells=[new_markdown_cell("# x"), cell]))


KNOWN = parameters_of(
    """
n: int = 3
rate: float = 2
loud: bool = False
model: str = "gpt-4o-mini"
models: list[str] = ["a"]
sizes: list[int] = [1]
name: str | None = None
untyped = 1.5
anything = None
options: dict[str, int] = {}
"""
)


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("n", "5", 5),
        ("rate", "5", 5.0),
        ("rate", "1e3", 1000.0),
        ("loud", "true", True),
        ("model", "5", "5"),
        ("model", "2026-01-01", "2026-01-01"),
        (
            "model",
            "anthropic.claude-3-haiku-20240307-v1:0",
            "anthropic.claude-3-haiku-20240307-v1:0",
        ),
        ("model", "a: [b", "a: [b"),
        ("models", "[a, b]", ["a", "b"]),
        ("models", "a,b:0", ["a", "b:0"]),
        ("models", "a", ["a"]),
        ("models", "1", ["1"]),
        ("sizes", "1,2", [1, 2]),
        ("name", "null", None),
        ("name", "x", "x"),
        ("untyped", "3", 3.0),
        ("anything", "[1, x]", [1, "x"]),
        ("options", "{a: 1}", {"a": 1}),
    ],
)
def test_a_text_is_read_by_the_type_of_the_parameter(name, text, value):
    read = KNOWN[name].read(text)
    assert read == value
    assert type(read) is type(value)


@pytest.mark.parametrize(
    ("name", "text"),
    [("n", "1.5"), ("n", "true"), ("n", "x"), ("loud", "1"), ("sizes", "1,x"), ("options", "3")],
)
def test_a_wrong_type_is_an_error_that_names_the_parameter(name, text):
    with pytest.raises(ParameterTypeError, match=rf"parameter {name}: .* is not of type .*default"):
        KNOWN[name].read(text)


@pytest.mark.parametrize(
    "source", ["import os\nn: int = os.cpu_count()", "n: int = 'x'", "n: wrong = 1"]
)
def test_a_parameters_cell_that_cannot_be_used_is_an_error(source):
    with pytest.raises(ParameterTypeError):
        parameters_of(source)


def test_no_parameters_cell_means_no_parameters():
    assert notebook_parameters(new_notebook(cells=[new_code_cell("n = 1")])) == {}


def test_unknown_names_are_refused_with_the_known_ones():
    with pytest.raises(UnknownParameter, match="nb has no parameter m, o; it has n"):
        refuse_unknown(["m", "n", "o"], {"n": KNOWN["n"]}, "nb")
    with pytest.raises(UnknownParameter, match="it has none"):
        refuse_unknown(["m"], {}, "nb")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("api_key", "x"),
        ("password", "x"),
        ("access_token", "x"),
        ("text", "sk-abcdefghijklmnop"),
        ("text", "so secret-secret-secret it is"),
        ("models", ["a", "secret-secret-secret"]),
        ("url", "https://user:pass@example.com"),
        ("header", "Bearer abcdefghijklmnop"),
    ],
)
def test_secrets_are_refused_and_not_repeated(name, value):
    guard = redactor({"MY_KEY": "secret-secret-secret"})
    with pytest.raises(SecretInParameter) as refused:
        refuse_secrets({name: value}, guard)
    assert str(value) not in str(refused.value).replace(name, "")


def test_names_that_only_sound_like_secrets_are_fine():
    fine = {"max_tokens": 5, "key_name": "MY_KEY", "token_variable": "X", "keyboard": "us"}
    refuse_secrets(fine, redactor({}))


def test_assignments_are_split_at_the_first_equals_sign():
    assert split_assignments(["a=1", "b = x=y "]) == {"a": "1", "b": "x=y"}
    for wrong in ("a", "=1", "1a=2"):
        with pytest.raises(ParameterTypeError, match="name=value"):
            split_assignments([wrong])
