from types import SimpleNamespace

from gateway_lib.benchmark import response_cost, stream_cost


def test_the_cost_of_a_response_is_read_from_its_header():
    assert response_cost({"x-litellm-response-cost": "4.17e-05"}) == 4.17e-05
    assert response_cost({"x-litellm-response-cost": "None"}) is None
    assert response_cost({}) is None


def test_the_cost_of_a_stream_is_read_from_its_usage():
    assert stream_cost(SimpleNamespace(cost=0.002)) == 0.002
    assert stream_cost(SimpleNamespace(cost=None)) is None
    assert stream_cost(None) is None
