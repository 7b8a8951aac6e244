"""What `make docs` makes of the repository beyond docs/: the start page, the changelog, the Python reference.

Hooks of MkDocs, named in mkdocs.yml. The start page is README.md, so there is one text and not two; the
Python reference is asked of the packages' own `__all__`.
"""

from __future__ import annotations

import re
from importlib import import_module
from inspect import getdoc
from pathlib import Path
from posixpath import join, normpath, relpath

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[1]
COPIED = {"index.md": "README.md", "changelog.md": "CHANGELOG.md"}
REFERENCE = (
    "clients",
    "benchmark",
    "experiments",
    "guardrails",
    "runs",
    "provisioning",
    "local",
    "config",
    "deploy",
    "errors",
)
LINK = re.compile(r"(!?)\[([^\]]+)\]\(([^)\s]+)\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are made here."""
    pages = {page: (ROOT / source).read_text() for page, source in COPIED.items()}
    pages |= {f"reference/{name}.md": reference_page(f"gateway_lib.{name}") for name in REFERENCE}
    for path, text in pages.items():
        files.append(File.generated(config, path, content=text))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Point links of pages that stood elsewhere to where they are in the site."""
    copied = page.file.src_uri in COPIED
    folder = "" if copied else normpath(join("docs", page.file.src_uri, ".."))
    return LINK.sub(
        lambda link: _moved(link, folder) if copied or ".." in link[3] else link[0], markdown
    )


def reference_page(name: str) -> str:
    """What a module says of itself, and each public name of its with its docstring."""
    module = import_module(name)
    own = [each for each, value in vars(module).items() if getattr(value, "__module__", "") == name]
    public = getattr(module, "__all__", [each for each in own if not each.startswith("_")])
    introduction = re.sub(r"^::$", "", getdoc(module) or "", flags=re.M).replace("::\n", ":\n")
    lines = [f"# {name}", "", introduction, ""]
    for each in public:
        lines += [f"::: {_home(name, getattr(module, each), each)}", ""]
    return "\n".join(lines)


def _home(module: str, value: object, name: str) -> str:
    """Where a name is defined: the renderer reads sources, and does not follow names taken on import."""
    home = getattr(value, "__module__", "")
    return (
        f"{home}.{name}"
        if callable(value) and home.startswith("gateway_lib.")
        else f"{module}.{name}"
    )


def _moved(link: re.Match[str], folder: str) -> str:
    """A link relative to `folder`, as it has to be in the site; where it leads out of it, only its words."""
    image, words, target = link.groups()
    if "://" in target or target.startswith(("#", "mailto:")):
        return link[0]
    path, mark, anchor = target.partition("#")
    inside = normpath(join(folder, path))
    pages = {source: f"docs/{page}" for page, source in COPIED.items()}
    place = pages.get(inside, inside)
    if place.startswith("docs/"):
        return f"{image}[{words}]({relpath(place, folder or 'docs')}{mark}{anchor})"
    return words if inside in words else f"{words} (`{inside}`)"
