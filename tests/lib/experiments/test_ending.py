"""What a notebook and the commands refuse or go on without, before the gateway is asked."""

from __future__ import annotations

import subprocess
import sys

import pytest

from gateway_lib import experiments
from gateway_lib.errors import ExperimentError, ExperimentFileError
from gateway_lib.findings import Finding, Severity
from gateway_lib.settings import settings_of

from .kept import run_folder, told
from .outcomes import experiment


def test_what_is_decided_is_a_known_way_and_no_arm_is_promoted_without_a_call():
    nobody = {"GATEWAY_BASE_URL": "http://127.0.0.1:9", "GATEWAY_MASTER_KEY": "sk-x"}
    assert experiments.known_way("memo") == "memo"
    with pytest.raises(ExperimentError, match="memo, stop, promote, not 'promotes'"):
        experiments.known_way("promotes")
    with experiments.Live(settings_of(nobody)) as live:
        for way in ("promotes", "promote"):
            with pytest.raises(ExperimentError, match=r"decide is|no call of it") as refused:
                experiments.carry_out(live, "tried", way, None, "run")
            assert type(refused.value) is ExperimentError


def test_a_file_without_expectations_has_no_plan_and_a_reason():
    wanted = experiments.load("cheaper-model")
    plan, sentences = experiments.plan_or_reason(wanted, units_per_day=200)
    assert plan is not None and sentences == plan.assumptions
    none, [why] = experiments.plan_or_reason(experiment(primary={"metric": "cost", "mde": 0.1}))
    assert none is None and why.startswith("no plan: ") and "baseline" in why


def test_a_file_with_an_error_is_not_started_and_one_with_a_warning_is(tmp_path):
    one = Finding(tmp_path / "x.yaml", 3, "experiment/x", "Wrong.", "Mend.", Severity.WARNING)
    experiments.refuse_faulty([one])
    bad = Finding(tmp_path / "x.yaml", 4, "experiment/y", "Worse.", "Mend.")
    with pytest.raises(ExperimentFileError, match=r"x.yaml:4: Worse\.$"):
        experiments.refuse_faulty([one, bad])


def test_a_memo_is_written_into_a_new_folder_or_refused_in_one_line(tmp_path):
    folder = run_folder(tmp_path / "runs", told(30)[0])

    def memo(out):
        command = [sys.executable, "-m", "gateway_lib", "experiment", "memo", str(folder)]
        return subprocess.run(
            [*command, "--out", out], capture_output=True, text=True, timeout=120, cwd=tmp_path
        )

    done = memo("missing/folder/memo.html")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "missing/folder/memo.html").read_text().startswith("<!DOCTYPE html>")
    refused = memo("missing/folder/memo.html/x.html")
    assert refused.returncode == 1 and refused.stderr.startswith("gateway: cannot write ")
    assert len(refused.stderr.splitlines()) == 1
