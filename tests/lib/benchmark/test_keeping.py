"""What a measurement leaves in its run folder, also where it found little."""

from __future__ import annotations

from gateway_lib.benchmark.keeping import keep
from gateway_lib.benchmark.plan.spec import load_spec, spec_of
from gateway_lib.benchmark.results.summary import load
from gateway_lib.runs.redaction import redactor
from gateway_lib.runs.run import Run, read_summary
from tests.lib.benchmark.tables import table

SPEC = spec_of(
    {
        "models": ["gpt-4o-mini"],
        "prompts": {"words": 9},
        "load": {"kind": "poisson", "rate_rps": 5, "requests": 40},
    }
)


def kept(folder, frame, **said):
    run = Run(folder, redactor({}, ()))
    folder.mkdir()
    keep(run, frame, SPEC, **said)
    return sorted(path.name for path in (folder / "figures").glob("*.png"))


def test_records_figures_notes_and_the_spec_to_do_it_again(tmp_path):
    frame = table(n=40)
    pictures = kept(tmp_path / "run", frame, said="knee: 20 requests per second")
    assert len(pictures) >= 5 and "timeline.png" in pictures
    assert len(load(tmp_path / "run")) == len(frame)
    assert load_spec(tmp_path / "run" / "spec.yaml") == SPEC
    notes = (tmp_path / "run" / "notes.md").read_text()
    assert "<th>step 0</th>" in notes
    assert "**knee: 20 requests per second**" in notes and notes.count("<table") == 2
    assert read_summary(tmp_path / "run")["metrics"]["requests"] == len(frame)


def test_where_every_request_failed_there_is_a_timeline_of_failures(tmp_path):
    frame = table(n=40, failing=1.0)
    assert not frame["ok"].any()
    assert kept(tmp_path / "run", frame) == ["timeline.png"]


def test_of_a_run_without_a_record_there_are_no_figures(tmp_path):
    frame = table(n=40)
    none = frame.iloc[:0]
    none.attrs = frame.attrs
    assert kept(tmp_path / "run", none) == []
    assert read_summary(tmp_path / "run")["metrics"]["requests"] == 0
