"""The weights in a published file, read without running anything in it; other files are named for what they are."""

from __future__ import annotations

import pickle
import re
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from translate.errors import UserError

EXPECTED = "the state_dict of a generator, such as latest_net_G.pth or latest_net_G_A.pth"
WRAPPERS = ("module.", "_orig_mod.")
"""What DataParallel and torch.compile put in front of every key."""

MAGIC = 0x1950A86A20F9469CFC6C.to_bytes(10, "little")
"""What torch.save put first before it wrote ZIP archives."""

PICTURES = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8")

REFUSED = re.compile(r"GLOBAL ([\w.]+)")
"""In torch's own words: what a pickle wanted to have made."""


def read(path: Path) -> dict[str, Tensor]:
    """The tensors of one network by key, in float32, on the CPU, without wrappers' prefixes.

    UserError for whatever is not a network's weights. Nothing that the file holds is run.
    """
    _require_file(path)
    state = _safetensors(path) if path.suffix.lower() == ".safetensors" else _pickled(path)
    while (wrapper := next((w for w in WRAPPERS if all(key.startswith(w) for key in state)), None)) is not None:
        state = {key.removeprefix(wrapper): value for key, value in state.items()}
    return {key: value.float() if value.is_floating_point() else value for key, value in state.items()}


def _require_file(path: Path) -> None:
    where = str(path)
    if not path.exists():
        raise UserError("there is no such file", where=where, expected=EXPECTED)
    if path.is_dir():
        if (path / "config.yaml").exists():
            raise UserError(
                "is a run folder, which needs no import", where=where, hint=f"translate apply {path} IN OUT"
            )
        found = sorted(p.name for p in path.glob("*net_G*.pth"))
        raise UserError("is a folder", where=where, expected=EXPECTED, hint=str(path / found[0]) if found else None)
    kind = _kind(path)
    if kind:
        raise UserError(f"is {kind}, no PyTorch checkpoint", where=where, expected=EXPECTED)


def _kind(path: Path) -> str | None:
    """What a file that begins like no checkpoint is, in words."""
    if path.suffix.lower() == ".safetensors":
        return None
    if path.suffix.lower() == ".onnx":
        return "an ONNX file"
    if path.stat().st_size == 0:
        return "an empty file"
    with open(path, "rb") as file:
        head = file.read(512)
    if head.startswith(b"PK"):
        return _archive(path)
    if head.startswith(b"version https://git-lfs"):
        return "a Git LFS pointer (git lfs pull fetches the file itself)"
    if head.lstrip()[:9].lower().startswith((b"<!doctype", b"<html", b"<?xml")):
        return "a web page (the download has failed)"
    if head.startswith(PICTURES):
        return "a picture"
    if head[0] == 0x80 and head[1] <= pickle.HIGHEST_PROTOCOL and MAGIC not in head:
        return "a pickle that torch.save did not write (nothing of it was run)"
    if b"\0" not in head and all(byte >= 32 or byte in b"\t\n\r\f" for byte in head):
        return "a text file"
    return None


def _archive(path: Path) -> str | None:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except zipfile.BadZipFile:
        return "half a file (the download or the copy has stopped early)"
    inner = {name.partition("/")[2] for name in names}
    if "constants.pkl" in inner:
        return "a TorchScript file, a program"
    if any(name.startswith("models/") for name in inner) or "archive_format" in inner:
        return "a program exported by torch.export"
    return None if "data.pkl" in inner else "a ZIP archive (unpack it first)"


def _pickled(path: Path) -> dict[str, Tensor]:
    import torch

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of protocols, which the error says where it matters
            loaded = torch.load(path, map_location="cpu", weights_only=True)
    except MemoryError:
        raise
    except pickle.UnpicklingError as error:
        asked = REFUSED.search(str(error))
        if asked is None:  # torch speaks of much else here
            raise UserError("is damaged, or no PyTorch checkpoint", where=str(path), expected=EXPECTED) from None
        raise UserError(
            f"holds objects ({asked[1]}) that only code could make; nothing of it was run",
            where=str(path),
            expected=EXPECTED + ", and no whole pickled model",
            hint="torch.save(model.state_dict(), ...), where the model's own code is",
        ) from None
    except Exception as error:  # a damaged pickle fails in any way that its bytes happen to spell
        raise _damaged(path, error) from None
    return _network(loaded, path)


def _damaged(path: Path, error: Exception) -> UserError:
    reason = (str(error).splitlines() or [type(error).__name__])[0][:200]
    return UserError(f"can't be read as a PyTorch checkpoint ({reason})", where=str(path), expected=EXPECTED)


def _safetensors(path: Path) -> dict[str, Tensor]:
    from translate.extras import require

    library = require("safetensors.torch", "hub")
    try:
        state: dict[str, Tensor] = library.load_file(path)
    except Exception as error:  # SafetensorError is not exported where its stubs say
        raise _damaged(path, error) from None
    return _network(state, path)


def _network(loaded: Any, path: Path) -> dict[str, Tensor]:
    """The one network in what was read."""
    where = str(path)
    if isinstance(loaded, Tensor):
        raise UserError("holds a single tensor", where=where, expected=EXPECTED)
    if not isinstance(loaded, Mapping):
        raise UserError(f"holds {_plural(type(loaded).__name__)}, no network", where=where, expected=EXPECTED)
    if _is_network(loaded):
        return dict(loaded)
    if "generator_ema" in loaded:
        run = path.parent.parent
        raise UserError(
            "is a checkpoint of this program, whose run folder needs no import",
            where=where,
            hint=f"translate apply {run} IN OUT",
        )
    if {"state", "param_groups"} <= set(loaded):
        raise UserError("holds the state of an optimiser, no network", where=where, expected=EXPECTED)
    inner = {str(key): value for key, value in loaded.items() if isinstance(value, Mapping) and _is_network(value)}
    if len(inner) == 1:
        return dict(next(iter(inner.values())))
    what = f"holds several networks ({', '.join(inner)})" if inner else "holds no tensors under names"
    raise UserError(what, where=where, expected=EXPECTED + ", and nothing else")


def _is_network(tree: Mapping[Any, Any]) -> bool:
    return bool(tree) and all(isinstance(key, str) and isinstance(value, Tensor) for key, value in tree.items())


def _plural(kind: str) -> str:
    return {"list": "a list", "int": "a number", "str": "a string", "tuple": "a tuple"}.get(kind, kind)
