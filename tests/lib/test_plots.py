import pytest

from gateway_lib.plots import short_names, token_arrivals


def test_short_names_stay_distinct():
    names = short_names(
        [
            "gpt-4o-mini",
            "anthropic.claude-3-haiku-20240307-v1:0",
            "us.anthropic.claude-haiku-4-5-20251001-v1:0",
            "amazon.nova-lite-v1:0",
            "us.amazon.nova-lite-v1:0",
        ]
    )
    assert list(names.values()) == [
        "gpt-4o-mini",
        "claude-3-haiku",
        "claude-haiku-4-5",
        "amazon.nova-lite-v1:0",
        "us.amazon.nova-lite-v1:0",
    ]


def test_arrivals_are_drawn_even_when_all_come_at_once():
    for arrivals in ([5.0], [5.0, 5.0, 5.0], [1.0, 2.0, 9.0]):
        token_arrivals(arrivals, title="t").canvas.draw()
    with pytest.raises(ValueError, match="no chunk"):
        token_arrivals([], title="t")
