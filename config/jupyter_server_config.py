"""JupyterLab as `make lab` starts it: on the notebooks, on this machine, asking nobody anything."""

import os
from typing import Any

c: Any = get_config()  # type: ignore[name-defined]  # noqa: F821  # provided by Jupyter
c.ServerApp.root_dir = "notebooks"
c.ServerApp.allow_root = os.geteuid() == 0  # in a container root is often the only user
c.LabApp.extension_manager = "readonly"
c.LabApp.check_for_updates_class = "jupyterlab.NeverCheckForUpdate"
c.LabApp.news_url = None
