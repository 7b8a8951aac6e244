"""The site that `make docs` builds: no broken link, no page out of reach, and nothing from another host."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from importlib import import_module
from pathlib import Path

import pytest


class Loads(HTMLParser):
    """What a page makes a browser fetch, and where its links lead."""

    def __init__(self, page: Path):
        super().__init__()
        self.fetched: list[str] = []
        self.links: list[str] = []
        self.ids: set[str] = set()
        self.feed(page.read_text())

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        self.ids.add(found.get("id") or "")
        if tag == "a":
            self.links.append(found.get("href") or "")
        else:
            self.fetched += [
                found[name] for name in ("src", "srcset", "href", "data") if found.get(name)
            ]


@pytest.fixture(scope="module")
def site(repository, tmp_path_factory):
    """The site, built strictly: a link or an anchor that leads nowhere ends the build."""
    folder = tmp_path_factory.mktemp("site")
    result = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", folder],
        cwd=repository,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return folder


@pytest.fixture(scope="module")
def pages(site):
    return {path.relative_to(site).as_posix(): Loads(path) for path in site.rglob("*.html")}


def test_no_page_fetches_anything_from_another_host(site, pages):
    for name, page in pages.items():
        assert not [each for each in page.fetched if re.match(r"(\w+:)?//", each)], name
    for sheet in site.rglob("*.css"):
        assert not re.search(r"(@import|url\()\s*['\"]?(https?:)?//", sheet.read_text()), sheet.name


def test_everything_a_page_fetches_is_there(site, pages):
    for name, page in pages.items():
        if name == "404.html":  # it is served at any depth, and names everything from the root
            continue
        for each in page.fetched:
            if not each.startswith(("data:", "#")):
                assert (site / name).parent.joinpath(re.sub(r"[?#].*", "", each)).exists(), (
                    f"{name}: {each}"
                )


def test_every_page_is_in_the_navigation(repository, site, pages):
    written = {
        path.relative_to(repository / "docs") for path in (repository / "docs").rglob("*.md")
    }
    assert {path.with_suffix(".html").as_posix() for path in written} <= set(pages)
    reached = {re.sub(r"#.*", "", link) for link in pages["index.html"].links}
    assert set(pages) - {"404.html"} <= reached
    named = re.findall(r"[\w/-]+\.md$", (repository / "mkdocs.yml").read_text(), re.M)
    assert sorted(named) == sorted(set(named))


@pytest.mark.parametrize("module", ["benchmark", "clients", "config", "deploy", "errors", "experiments",
                                    "guardrails", "local", "provisioning", "runs"])  # fmt: skip
def test_the_python_reference_has_every_public_name(pages, module):
    page, package = pages[f"reference/{module}.html"], import_module(f"gateway_lib.{module}")
    own = [
        name
        for name, value in vars(package).items()
        if getattr(value, "__module__", "") == package.__name__
    ]
    public = getattr(package, "__all__", [name for name in own if not name.startswith("_")])
    missing = [name for name in public if not any(each.endswith(f".{name}") for each in page.ids)]
    assert public and not missing


def test_a_search_finds_a_setting_without_a_server(site):
    index = (site / "search" / "search_index.js").read_text()
    assert "GATEWAY_STATE_DIR" in index
