"""cfn-lint judges the merged templates, and its findings are told in the lines of our files."""

from __future__ import annotations

from pathlib import Path

from gateway_lib.deploy import tree
from gateway_lib.findings import Severity

REDIS = "copilot/environments/addons/redis.yml"
ALARMS = "copilot/gateway/addons/alarms.yml"


def _edit(path: Path, old: str, new: str) -> int:
    """Replace what is there once; the line of the new text."""
    text = path.read_text()
    assert text.count(old) == 1
    path.write_text(text.replace(old, new))
    return text[: text.index(old)].count("\n") + 1


def test_nothing_is_found_in_the_right_tree(project: Path, variables):
    assert tree.validate(project, variables) == []


def test_its_findings_have_our_files_and_lines(project: Path, variables):
    places = {
        (REDIS, _edit(project / REDIS, "AtRestEncryptionEnabled:", "AtRestEncryptionEnabld:")),
        (REDIS, _edit(project / REDIS, "      Port: 6379", "      Port: [6379]")),
        (ALARMS, _edit(project / ALARMS, "GreaterThanThreshold\n", "IsLargerThan\n")),
    }
    unused = _edit(
        project / REDIS,
        "  IsProduction: !Equals [!Ref Env, prod]\n",
        "  IsNeverUsed: !Equals [!Ref Env, never]\n  IsProduction: !Equals [!Ref Env, prod]\n",
    )
    # a line was put in above the places in redis.yml
    expected = {(file, line + (file == REDIS and line > unused)) for file, line in places}
    found = [f for f in tree.validate(project, variables) if f.rule.startswith("cfn-lint/")]
    shown = "\n".join(map(str, found))
    errors = {
        (str(f.path.relative_to(project)), f.line)
        for f in found
        if f.rule == "cfn-lint/error" and f.severity is Severity.ERROR
    }
    assert errors == expected, shown
    [warning] = [f for f in found if f.rule == "cfn-lint/warning"]
    assert (warning.path, warning.line) == (project / REDIS, unused), shown
    assert warning.severity is Severity.WARNING and all(f.mend for f in found)


def test_a_name_of_another_file_of_the_folder_is_known(project: Path, variables):
    """`DataKey` of encryption.yml is used in redis.yml: only the merged template is judged."""
    text = (project / REDIS).read_text()
    assert "!GetAtt DataKey.Arn" in text and "  DataKey:\n" not in text
    assert tree.validate(project, variables) == []
