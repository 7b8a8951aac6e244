"""A share that is nought in both arms is known as well as its calls allow, no better and no worse."""

from gateway_lib.experiments.analysis import analyse

from .outcomes import experiment, outcomes


def test_no_errors_at_all_is_within_a_margin_of_two_points():
    said = experiment(guardrails=[{"metric": "errors", "margin": 0.02}])
    [many] = analyse(outcomes(4000), said).guardrails
    assert many.holds is True and many.worse_by == 0 and 0 < many.high < 0.01
    [few] = analyse(outcomes(60), said).guardrails
    assert few.holds is None and few.high > 0.02
