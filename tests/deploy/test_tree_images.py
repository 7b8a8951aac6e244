"""The images: what their Dockerfiles may say, and that their steps lead to something that starts."""

from __future__ import annotations

import ast
import datetime
import importlib.metadata
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from cryptography import x509
from cryptography.x509.oid import NameOID
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.deploy.dockerfile import read
from tests.deploy.rehearsal import Rehearsal

NAMES = ("middleware", "litellm", "evaluate")
_PIN = re.compile(r"^([\w.-]+)==(\S+)", re.MULTILINE)


@pytest.fixture(params=NAMES)
def file(docker, request):
    return read(docker / f"{request.param}.Dockerfile")


@pytest.fixture(scope="module")
def images(copilot):
    return yaml.safe_load((copilot / "images.yaml").read_text())


def test_the_base_is_one_of_the_images_by_digest(file, images):
    known = {f"{name.upper()}_IMAGE" for name in images}
    assert len(file.arguments) == 1 and file.arguments[0] in known
    assert {stage.base for stage in file.stages} == {f"${{{file.arguments[0]}}}"}


def test_the_images_are_named_and_no_digest_is_made_up(images, repository):
    for image in images.values():
        assert set(image) == {"image", "tag", "digest"}
        assert image["digest"] is None or re.fullmatch(r"sha256:[0-9a-f]{64}", image["digest"])
        assert image["tag"] != "latest"
    lock = dict(_PIN.findall((repository / "requirements.lock").read_text()))
    assert images["litellm"]["tag"] == f"v{lock['litellm']}"


def test_it_does_not_run_as_root(file):
    user, group = file.final.last("USER").text.split(":")
    assert int(user) > 0 and int(group) > 0
    after = file.final.instructions[file.final.instructions.index(file.final.last("USER")) :]
    assert {each.name for each in after} <= {"USER", "EXPOSE", "ENTRYPOINT", "CMD"}


def test_it_fetches_nothing_but_locked_packages(file):
    for stage in file.stages:
        assert {each.name for each in stage.instructions} <= {
            "ENV", "WORKDIR", "COPY", "RUN", "USER", "EXPOSE", "ENTRYPOINT", "CMD",
        }  # fmt: skip
        for each in stage.all("RUN"):
            assert not re.search(r"\b(curl|wget|apt|apt-get|apk|git|npm)\b", each.text)
            if "pip" in each.text:
                for option in ("--require-hashes", "--no-deps", "--only-binary :all:"):
                    assert option in each.text


def test_a_program_is_started_without_a_shell(file):
    assert file.final.last("CMD").is_exec
    assert all(each.is_exec for each in file.final.all("ENTRYPOINT"))


def test_no_secret_is_in_it(file):
    for stage in file.stages:
        for name in stage.environment:
            assert not re.search(r"KEY|TOKEN|PASSWORD|SECRET", name)


def test_what_is_copied_is_tracked_and_sent_to_the_builder(file, repository, tmp_path):
    rehearsal = Rehearsal(file, repository, tmp_path)
    listed = subprocess.run(
        ["git", "ls-files"], cwd=repository, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    for stage in file.stages:
        for each in stage.all("COPY"):
            *sources, _ = [word for word in each.words if not word.startswith("--")]
            if any(word.startswith("--from=") for word in each.words):
                continue
            for source in sources:
                found = [path for path in repository.glob(source) if rehearsal.is_sent(path)]
                assert found, source
                names = {path.relative_to(repository).as_posix() for path in found}
                assert any(name in listed or f"{name}/" in "\n".join(listed) for name in names)


def test_what_may_be_private_is_not_sent(file, repository, tmp_path):
    rehearsal = Rehearsal(file, repository, tmp_path)
    for name in (
        ".env",
        ".git/config",
        "config/roster.yaml",
        "runs/one/records.parquet",
        "tests/x.py",
    ):
        assert not rehearsal.is_sent(repository / name), name
    for name in ("config/aws.yaml", "middleware/bedrock/api.py", "requirements-middleware.lock"):
        assert rehearsal.is_sent(repository / name), name


@pytest.mark.parametrize("name", ["middleware", "evaluate"])
def test_the_lock_of_an_image_has_what_is_tested_here_and_nothing_else(repository, name):
    whole = _pins(repository / "requirements.lock")
    part = _pins(repository / f"requirements-{name}.lock")
    assert part and all(pins <= whole[package] for package, pins in part.items())
    text = (repository / f"requirements-{name}.lock").read_text()
    assert "://" not in text and "index" not in text.replace("--index", "index")


def _pins(path: Path) -> dict[str, set[tuple[str, frozenset[str]]]]:
    """Versions with their hashes by package; there may be one for each Python."""
    found: dict[str, set[tuple[str, frozenset[str]]]] = {}
    for entry in re.split(r"\n(?=\S)", path.read_text()):
        if named := _PIN.match(entry):
            hashes = frozenset(re.findall(r"sha256:[0-9a-f]{64}", entry))
            assert hashes, named[1]
            found.setdefault(canonicalize_name(named[1]), set()).add((named[2], hashes))
    return found


def test_the_service_needs_what_its_group_says(repository):
    project = tomllib.loads((repository / "pyproject.toml").read_text())
    group = project["dependency-groups"]["service"]
    assert set(group) <= set(project["project"]["dependencies"])
    distributions = {canonicalize_name(Requirement(each).name) for each in group}
    owners = {
        str(file): canonicalize_name(distribution.name)
        for distribution in importlib.metadata.distributions()
        for file in distribution.files or ()
    }
    imported = set()
    for path in (repository / "middleware").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                imported |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                # what is imported may be a module itself, of a package that several share
                imported |= {f"{node.module}.{alias.name}" for alias in node.names}
    own = {*sys.stdlib_module_names, "middleware"}
    needed = {_owner(name, owners) for name in imported if name.partition(".")[0] not in own}
    assert needed <= distributions, needed - distributions
    assert distributions <= needed, distributions - needed


def _owner(module: str, owners: dict[str, str]) -> str:
    """The distribution whose file is imported by a dotted name of a module or of what is in it."""
    for name in (module, module.rpartition(".")[0]):
        path = name.replace(".", "/")
        for file in (f"{path}/__init__.py", f"{path}.py"):
            if file in owners:
                return owners[file]
        compiled = (owner for file, owner in owners.items() if file.startswith(f"{path}.cpython-"))
        if owner := next(compiled, None):
            return owner
    raise AssertionError(f"{module}: no installed distribution has it")


def test_the_authorities_are_amazons_and_in_force(docker):
    found = x509.load_pem_x509_certificates((docker / "rds.pem").read_bytes())
    assert len(found) > 80
    now, regions = datetime.datetime.now(datetime.UTC), set()
    for each in found:
        each.verify_directly_issued_by(each)  # signed by itself, as roots are
        name = each.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value
        owner = each.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)[0].value
        assert name.startswith("Amazon RDS ") and owner == "Amazon Web Services, Inc."
        assert each.not_valid_after_utc - now > datetime.timedelta(days=365)
        assert each.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
        regions.add(name.split()[2])
    assert {"us-east-1", "us-west-2", "eu-central-1", "ap-northeast-1"} <= regions


def test_the_evaluation_starts_from_the_steps_of_its_image(docker, repository, tmp_path):
    image = Rehearsal(read(docker / "evaluate.Dockerfile"), repository, tmp_path)
    image.build()
    environment = image.environment()
    done = subprocess.run(
        image.command(), cwd=image.folder, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert done.stderr.startswith("evaluation: ") and "GATEWAY_BASE_URL" in done.stderr
    told = subprocess.run(
        [str(tmp_path / "opt/gateway/bin/python"), "-m", "gateway_lib", "runs", "list", "--json"],
        cwd=image.folder,
        env={**environment, "GATEWAY_RUNS_DIR": str(tmp_path / "none")},
        capture_output=True,
        text=True,
    )
    assert (told.returncode, json.loads(told.stdout)) == (0, []), told.stderr
