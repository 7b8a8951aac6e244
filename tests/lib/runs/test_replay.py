import json

from gateway_lib.runs.manifest import Manifest
from tests.lib.runs.test_run_command import finish, manifests


def run(bench, *arguments):
    return finish(bench.gateway(*arguments))


def test_a_run_is_done_again_with_everything_it_ran_with(bench):
    notebook = bench.notebook(
        "seeded",
        "import random\nfrom gateway_lib import runs",
        "runs.current().metrics(drawn=random.Random(seed).randint(0, 10**9), n=n)",
        parameters="n: int = 3  # how many\nseed: int = 1  # of the draw",
    )
    status, _, err = run(bench, "run", notebook, "-p", "seed=7")
    assert status == 0, err
    [first] = manifests(bench)
    # the default changes afterwards: a replay runs with the one of then
    text = notebook.read_text()
    notebook.write_text(text.replace("n: int = 3", "n: int = 4"))
    status, _, err = run(bench, "run", "--replay", first.id[-6:])
    assert status == 0, err
    assert "not as it was: notebook seeded.ipynb has changed" in err
    _, second = manifests(bench)
    assert second.replay_of == first.id and first.replay_of is None
    assert second.metrics == first.metrics == {"drawn": first.metrics["drawn"], "n": 3}
    assert second.parameters.effective == first.parameters.effective
    assert second.seed == 7
    status, out, _ = run(bench, "runs", "show", second.id)
    assert status == 0 and first.id in out


def test_what_cannot_be_replayed_is_one_line(bench):
    notebook = bench.notebook("tiny", "print(n)", parameters="n: int = 3  # how many")
    assert run(bench, "run", notebook)[0] == 0
    [done] = manifests(bench)
    folder = bench.runs / done.id

    def refused(*arguments):
        status, out, err = run(bench, "run", *arguments)
        [line] = [x for x in err.splitlines() if not x.startswith("not as it was")]
        assert (status, out) == (1, "")
        return line

    assert "give it alone" in refused("--replay", done.id, "-p", "n=4")
    assert "no run matches" in refused("--replay", "nothing")
    document = json.loads((folder / "manifest.json").read_text())
    document["parameters"]["effective"] = {"gone": 1}
    (folder / "manifest.json").write_text(json.dumps(document))
    assert "has no parameter gone" in refused("--replay", done.id)
    document["parameters"]["effective"] = {"n": "[redacted]"}
    (folder / "manifest.json").write_text(json.dumps(document))
    assert "its parameter n was redacted" in refused("--replay", done.id)
    Manifest.read(folder).with_(status="interactive").write(folder)
    assert "was done by hand" in refused("--replay", done.id)
    notebook.unlink()
    Manifest.model_validate({**document, "parameters": {"effective": {"n": 3}}}).write(folder)
    assert "no notebook 'tiny'" in refused("--replay", done.id)
