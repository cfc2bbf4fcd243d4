"""What is not installed is named with what to type."""

import ast
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest

import translate
from translate.errors import UserError
from translate.extras import require
from translate.metrics.features import Features
from translate.metrics.kid import kid
from translate.metrics.ms_ssim import ms_ssim

PACKAGE = Path(translate.__file__).parent


def test_what_is_there_is_given() -> None:
    assert require("json.decoder", "onnx").JSONDecoder


def test_what_is_missing_is_named_with_its_extra() -> None:
    with pytest.raises(UserError, match=r"no_such_library is not installed(?s:.*)pip install 'translate-gan\[onnx\]'"):
        require("no_such_library.part", "onnx")


def test_what_is_there_and_broken_is_not_called_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "half_a_library.py").write_text("import no_such_library\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="no_such_library"):
        require("half_a_library", "onnx")


def test_metrics_whose_library_is_missing_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("torchmetrics", "torch_fidelity"):
        monkeypatch.setitem(sys.modules, name, None)
    image = np.zeros((176, 176, 3), np.uint8)
    with pytest.raises(UserError, match="metrics"):
        ms_ssim(image, image)
    some = Features(np.random.default_rng(0).normal(size=(8, 4)).astype(np.float32))
    with pytest.raises(UserError, match="metrics"):
        kid(some, some)


def test_every_extra_that_is_asked_for_exists() -> None:
    project = tomllib.loads((PACKAGE.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    asked = set()
    for path in PACKAGE.rglob("*.py"):
        source = path.read_text(encoding="utf-8")
        for node in ast.walk(ast.parse(source)) if "from translate.extras import" in source else ():
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "require":
                asked |= {word.value for word in node.args[1:] if isinstance(word, ast.Constant)}
    assert asked
    assert asked <= set(project["optional-dependencies"])
