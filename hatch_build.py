"""Build hook: compiles the fused CPU kernels into the wheel, and into the checkout for an editable installation.

The wheel gets the files of experiments as well.

Nothing of the package can be imported here: the module that compiles is loaded by itself.
"""

import os
import platform
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from packaging.tags import platform_tags

KERNELS = Path("gru_tf", "recurrent", "kernels")
EXPERIMENTS = ("*.yaml", "published/*.yaml")  # in experiments/; what was recorded of them stays in the repository
SWITCH = "GRU_TF_BUILD_KERNELS"


class KernelsHook(BuildHookInterface):
    """Compiles on Linux, and says elsewhere and where it is turned off why there is nothing."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile what is out of date, and name it as a part of the wheel."""
        compilation = _compilation(Path(self.root, KERNELS))
        reason = why_not(compilation)
        if reason:
            compilation.leave_out(reason)
        else:
            compilation.build()
        if version == "standard":
            build_data.setdefault("force_include", {}).update(experiments(Path(self.root)))
        libraries = compilation.about()["libraries"]
        build_data["artifacts"] += [
            f"/{KERNELS}/built/{name}".replace("\\", "/") for name in (compilation.ABOUT, *libraries)
        ]
        if libraries and version == "standard":
            build_data["pure_python"] = False
            build_data["tag"] = f"py3-none-{platform_tag(compilation)}"  # they know nothing of Python


def experiments(root: Path) -> dict[str, str]:
    """File of an experiment → its place in the wheel."""
    folder = root / "experiments"
    files = (file for pattern in EXPERIMENTS for file in sorted(folder.glob(pattern)))
    return {str(file): f"gru_tf/experiments/{file.relative_to(folder).as_posix()}" for file in files}


def why_not(compilation: ModuleType) -> str:
    """Why nothing is compiled; empty where it is.

    Raises:
        ValueError: where the switch is neither on nor off.
    """
    switch = os.environ.get(SWITCH, "on")
    if switch not in ("on", "off"):
        raise ValueError(f"{SWITCH}: received {switch!r}, expected on or off")
    if switch == "off":
        return f"no library was built: {SWITCH}=off when gru-tf was installed"
    if platform.machine() not in compilation.BUILDS or platform_tag(compilation) not in platform_tags():
        here = f"{platform.system()} {platform.machine()}"
        return f"no library is built for {here}, only for Linux with glibc on x86-64 and aarch64"
    return ""


def platform_tag(compilation: ModuleType) -> str:
    """Where the libraries load: Linux on this processor with a C library as old as the one that they are linked for."""
    return f"manylinux_{compilation.GLIBC.replace('.', '_')}_{platform.machine()}"


def _compilation(folder: Path) -> ModuleType:
    spec = spec_from_file_location("compilation", folder / "compilation.py")
    module = module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module
