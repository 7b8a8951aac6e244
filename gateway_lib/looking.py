"""Widgets with which a person looks around in results: menus above a figure that follows them.

What is picked is an object's attributes, one for each menu, so that everything can be done without a widget.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from matplotlib import pyplot as plt

from gateway_lib.plots import Picture
from gateway_lib.runs.run import FOLDER_VARIABLE, RECORDS, current

if TYPE_CHECKING:
    import ipywidgets as widgets

_DPI, _WIDTH = 160, 880
_A_ROW = 3


def own_first(folders: Mapping[str, Path]) -> dict[str, Path]:
    """Folders of runs by id, that of the run which this process is part of before the others."""
    own = os.environ.get(FOLDER_VARIABLE)
    if own and (Path(own) / RECORDS).is_file():
        return {Path(own).name: Path(own), **folders}
    return dict(folders)


def explored(picture: Callable[[], Picture | None], panel: Callable[[], Any]) -> Any:
    """The panel; under papermill, where nobody picks, the picture of what is picked at first, in the run."""
    if not os.environ.get(FOLDER_VARIABLE):
        return panel()
    if (shown := picture()) is not None:
        current().picture(shown._replace(name=f"explored-{shown.name}"))
    return None


def menu(label: str, options: Any, value: Any) -> widgets.Dropdown:
    """A menu with something picked."""
    import ipywidgets as widgets

    return widgets.Dropdown(options=options, value=value, description=label)


def refill(pick: widgets.Dropdown, options: Sequence[str], value: str) -> None:
    """Other options, of which one is picked."""
    pick.options, pick.value = options, value


def panel(
    picked: Any,
    picks: Mapping[str, Any],
    changed: Callable[[str], None],
    picture: Callable[[], Picture | None],
    text: Callable[[], str],
    nothing: str,
) -> widgets.VBox:
    """Widgets with what they pick; each change is drawn at once.

    Args:
        picked: Has an attribute for each of `picks`, which follows it.
        picks: Widgets by the name of their attribute.
        changed: Is told of each change before it is drawn, and may change what is picked.
        picture: What is drawn; None where there is nothing.
        text: Is printed below it.
        nothing: Is printed in its place.
    """
    import ipywidgets as widgets
    from IPython.display import display

    out = widgets.Output()
    quiet: list[bool] = []

    def draw() -> None:
        with out:
            out.clear_output(wait=True)
            shown = picture()
            if shown is None:
                print(nothing)
            else:
                display(_image(shown))  # type: ignore[no-untyped-call]
            if words := text():
                print(words)

    def observed(change: dict[str, Any]) -> None:
        name = next(name for name, pick in picks.items() if pick is change["owner"])
        if quiet or change["new"] == getattr(picked, name):
            return
        setattr(picked, name, change["new"])
        quiet.append(True)  # what follows from this change is drawn with it
        try:
            changed(name)
        finally:
            quiet.clear()
        draw()

    for pick in picks.values():
        pick.observe(observed, names="value")
    draw()
    every = list(picks.values())
    rows = [widgets.HBox(every[at : at + _A_ROW]) for at in range(0, len(every), _A_ROW)]
    return widgets.VBox([*rows, out])


def _image(picture: Picture) -> Any:
    from IPython.display import Image

    buffer = io.BytesIO()
    picture.figure.savefig(buffer, format="png", dpi=_DPI, bbox_inches="tight")
    plt.close(picture.figure)
    return Image(data=buffer.getvalue(), alt=picture.alt, width=_WIDTH)  # type: ignore[no-untyped-call]
