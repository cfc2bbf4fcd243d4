"""`translate version`."""

from __future__ import annotations

import os
import platform
import re
import sys
from contextlib import suppress
from importlib import metadata
from typing import Any

import click

from translate import __version__
from translate.cli import options, saying

LIBRARIES = ("torch", "torchvision", "kornia", "albumentations", "numpy", "pillow", "pydantic", "click", "rich",
             "fsspec", "tifffile", "imagecodecs", "torchmetrics", "torch-fidelity")  # fmt: skip
NOT_FOR_USERS = {"test", "dev"}
"""Extras of those who work on the program."""


@click.command("version")
@options.json_alone
def command(file: str | None) -> None:
    """Say what is installed here, and what this machine has: for bug reports."""
    found = {
        "translate": __version__,
        "python": f"{platform.python_version()} ({sys.executable})",
        "platform": platform.platform(),
        "libraries": {name: _version(name) for name in LIBRARIES},
        "extras": extras(),
        "torch": _torch(),
        "cores": _cores(),
        "memory": _memory(),
        "ffmpeg": _ffmpeg(),
        "caches": _caches(),
        "environment": {name: value for name, value in sorted(os.environ.items()) if name.startswith("TRANSLATE_")},
    }
    if file is not None:
        saying.write_json(found, file)
    if file != "-":
        _print(found)


def extras() -> dict[str, dict[str, str | None]]:
    """Of each extra of the installed distribution: its libraries and their versions, None where one is missing."""
    try:
        required = metadata.requires("translate-gan") or []
    except metadata.PackageNotFoundError:  # a checkout that was never installed
        return {}
    found: dict[str, dict[str, str | None]] = {}
    for line in required:
        name, extra = re.match(r"[\w.-]+", line), re.search(r"""extra == ["']([\w-]+)["']""", line)
        if name and extra and extra[1] not in NOT_FOR_USERS and name[0] != "translate-gan":
            found.setdefault(extra[1], {})[name[0]] = _version(name[0])
    return found


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _torch() -> dict[str, Any]:
    """Devices that PyTorch finds, or why it can't be imported."""
    try:
        import torch

        gpus = [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())]
        return {
            "cuda": torch.version.cuda,
            "gpus": gpus,
            "mps": torch.backends.mps.is_available(),
            "threads": torch.get_num_threads(),
            "compiled for": torch.backends.cpu.get_cpu_capability(),
        }
    except Exception as error:  # whatever is broken there is what this is asked for
        return {"broken": f"{type(error).__name__}: {error}"}


def _cores() -> dict[str, int]:
    own = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    return {"machine": os.cpu_count() or 1, "this process": own}


def _memory() -> dict[str, float]:
    """In GB."""
    try:
        import psutil

        memory = psutil.virtual_memory()
    except Exception:  # as above
        return {}
    return {"total": round(memory.total / 1e9, 1), "available": round(memory.available / 1e9, 1)}


def _ffmpeg() -> str | None:
    """Its version, if it is on the PATH."""
    import shutil
    import subprocess

    if shutil.which("ffmpeg") is None:
        return None
    with suppress(OSError, subprocess.TimeoutExpired):
        said = subprocess.run(
            ["ffmpeg", "-version"], capture_output=True, encoding="utf-8", errors="replace", timeout=20, check=False
        ).stdout
        if found := re.match(r"ffmpeg version (\S+)", said):
            return found[1]
    return "does not start"


def _caches() -> dict[str, str]:
    """Where decoded images and weights are kept."""
    found = {}
    with suppress(Exception):
        from translate.data import cache

        found["images"] = str(cache.folder())
    with suppress(Exception):
        import torch

        found["weights"] = torch.hub.get_dir()
    return found


def _print(found: dict[str, Any]) -> None:
    def line(name: str, text: str, colour: str | None = None) -> None:
        click.echo(f"{name:<15}" + click.style(text, fg=colour))

    for name in ("translate", "python", "platform"):
        line(name, found[name])
    for name, version in found["libraries"].items():
        line(name, version or "not installed", None if version else "red")
    torch = found["torch"]
    if "broken" in torch:
        line("devices", f"torch can't be imported: {torch['broken']}", "red")
    else:
        mps = ["mps"] if torch["mps"] else []
        line("devices", ", ".join([*torch["gpus"], *mps, f"cpu ({torch['threads']} threads, {torch['compiled for']})"]))
    line("cores", f"{found['cores']['this process']} of {found['cores']['machine']}")
    memory = found["memory"]
    line("memory", f"{memory['available']} of {memory['total']} GB free" if memory else "not known")
    line("ffmpeg", found["ffmpeg"] or "not installed: videos can't be read or written")
    for name, libraries in found["extras"].items():
        missing = [library for library, version in libraries.items() if version is None]
        there = ", ".join(f"{library} {version}" for library, version in libraries.items() if version is not None)
        hint = f"not installed: pip install 'translate-gan[{name}]'"
        line(f"extra {name}", hint if missing else there)
    for name, place in found["caches"].items():
        line(f"{name} in", place)
    for name, value in found["environment"].items():
        click.echo(f"{name}={value}")
