"""What findings look like: plain JSON, advice that can be typed, and a page that explains each."""

import json
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

from translate.config import check_settings
from translate.diagnosis import TABLE, Finding

ROOT = Path(__file__).parents[2]
SOURCES = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "translate/diagnosis").glob("*.py"))


def test_a_finding_is_plain_json() -> None:
    evidence = {"share": np.float32(1 / 3), "count": np.int64(3), "worst": float("inf"), "files": [{"file": "a"}]}
    finding = Finding("leak", "error", "Seen.", "Do.", evidence)
    told = json.loads(json.dumps(finding.as_json(), allow_nan=False))
    assert told == {
        "name": "leak",
        "severity": "error",
        "direction": None,
        "evidence": {"share": 0.3333, "count": 3, "worst": None, "files": [{"file": "a"}]},
        "message": "Seen.",
        "try": "Do.",
    }


@pytest.mark.parametrize("name", TABLE)
def test_every_name_has_a_function_and_a_place_in_the_docs(name: str) -> None:
    module, _, function = TABLE[name].partition(":")
    assert callable(getattr(import_module(module), function))
    assert f"\n## {name}\n" in (ROOT / "docs/diagnosis.md").read_text(encoding="utf-8")


def test_what_is_advised_can_be_typed() -> None:
    # The sources, not findings: each string is checked, whichever branch says it.
    text = re.sub(r'"\s*\n\s*f?"', "", SOURCES).replace("{{", "{").replace("}}", "}")
    settings = [found.rstrip(".,;") for found in re.findall(r"--set '?([\w.]+=(?:\{term[^}]*\}|[^\s';,)\"]+))", text)]
    assert len(settings) > 8
    check_settings(settings)
    keys = set(
        re.findall(r"(?<!translate\.)\b((?:training|judging|data|networks|objective)\.[a-z_.0-9]+[a-z_0-9])\b", text)
    )
    check_settings([f"{key}=1" for key in keys])


def test_importing_it_is_light() -> None:
    code = "import sys, translate.diagnosis; print([m for m in ('torch', 'numpy', 'scipy', 'PIL') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
