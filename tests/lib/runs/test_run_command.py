import json
import signal
import time

import psutil
import pytest

from gateway_lib.cli import main
from gateway_lib.runs.manifest import Manifest
from tests.lib.runs.conftest import CANARY


def finish(process, timeout=90):
    out, err = process.communicate(timeout=timeout)
    return process.returncode, out, err


def manifests(bench):
    found = [Manifest.read(path.parent) for path in bench.runs.glob("*/manifest.json")]
    return sorted(found, key=lambda manifest: manifest.started)


def test_a_failing_notebook_is_one_line_and_the_next_still_runs(bench):
    failing = bench.notebook(
        "failing",
        "# Fails",
        "import os\nprint('before')",
        "raise ValueError('no use: ' + os.environ['GATEWAY_API_KEY'] + '\\nand more')",
        "print('never')",
    )
    fine = bench.notebook(
        "fine", "from gateway_lib import runs", "runs.current().metrics(answer=42)"
    )
    status, out, err = finish(bench.gateway("run", failing, fine.with_suffix("")))
    assert status == 1
    errors = [line for line in err.splitlines() if not line.startswith("running ")]
    assert errors == ["gateway: failing: cell [2]: ValueError: no use: [redacted] and more"]
    assert "answer 42" in out
    assert "index.html" in out
    failed, succeeded = manifests(bench)
    assert (failed.notebook, failed.status) == ("failing", "failed")
    assert (succeeded.notebook, succeeded.status) == ("fine", "succeeded")
    report = (bench.runs / failed.id / "report.html").read_text()
    assert "before" in report
    assert "never" not in report.split("Code [2]")[0]
    assert CANARY.encode() not in bench.everything_written()

    status, out, _ = finish(bench.gateway("runs", "list", "--json"))
    listed = json.loads(out)
    assert status == 0
    assert [run["notebook"] for run in listed] == ["fine", "failing"]
    assert listed[0]["metrics"] == {"answer": 42}
    bench.environment["COLUMNS"] = "58"
    _, out, _ = finish(bench.gateway("runs", "list"))
    assert len(out.splitlines()) == 3, "one line per run"
    status, out, _ = finish(bench.gateway("runs", "show", failed.id[-6:]))
    assert status == 0
    assert "ValueError: no use: [redacted]" in out
    status, out, err = finish(bench.gateway("runs", "show", "nothing"))
    assert (status, out) == (1, "")
    assert err.startswith("gateway: no run matches 'nothing'")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_leaves_a_record_and_no_kernel(bench, number):
    sleeping = bench.notebook(
        "sleeping",
        "import os, pathlib, time",
        "pathlib.Path('pid').write_text(str(os.getpid())); time.sleep(300)",
    )
    process = bench.gateway("run", sleeping)
    marker = bench.folder / "pid"
    deadline = time.monotonic() + 60
    while not (marker.exists() and marker.read_text()):
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.1)
    process.send_signal(number)
    status, _, err = finish(process, timeout=30)
    assert status == 130
    assert err.splitlines()[-1] == "gateway: sleeping: interrupted"
    assert "Traceback" not in err
    assert not psutil.pid_exists(int(marker.read_text()))
    [manifest] = manifests(bench)
    assert (manifest.status, manifest.error) == ("interrupted", "interrupted")
    assert (bench.runs / manifest.id / "report.html").is_file()
    assert "interrupted" in (bench.runs / "index.html").read_text()


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["-p", "m=3"], "tiny has no parameter m; it has n, token_name"),
        (["-p", "n=many"], "parameter n: 'many' is not of type int (default: 3)"),
        (["-p", f"token_name={CANARY}"], "parameter token_name looks like a secret"),
        (["-p", "n"], "-p takes name=value"),
        (["--gateway", "ftp://x"], "GATEWAY_BASE_URL: "),
    ],
)
def test_a_wrong_call_is_one_line_before_anything_runs(
    bench, arguments, complaint, monkeypatch, capsys
):
    tiny = bench.notebook("tiny", "print(n)", parameters="n: int = 3\ntoken_name: str = 'X'")
    for name, value in bench.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("sys.argv", ["gateway", "run", str(tiny), *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    out, err = capsys.readouterr()
    assert (ended.value.code, out) == (1, "")
    [line] = err.splitlines()
    assert line.startswith("gateway: ")
    assert complaint in line
    assert CANARY not in line
    assert not bench.runs.exists()
