"""What must answer at once imports little."""

import json
import subprocess
import sys
from importlib.metadata import packages_distributions

import pytest

LIGHT = {"translate", "click"}
CONFIGURED = LIGHT | {
    "pydantic",
    "pydantic_core",
    "annotated_types",
    "typing_extensions",
    "typing_inspection",
    "yaml",
    "_yaml",
}
CODE = """
import json, sys
before = {*sys.modules}
from translate.cli import main
try:
    main(sys.argv[1:], prog_name="translate")
except SystemExit:
    pass
json.dump(sorted({name.partition(".")[0] for name in {*sys.modules} - before}), sys.stderr)
"""


@pytest.mark.parametrize(
    ("words", "allowed"),
    [
        (["--help"], LIGHT),
        (["completion", "fish"], LIGHT),
        (["presets"], CONFIGURED),
        (["show", "cyclegan"], CONFIGURED),
        (["train", "--help"], CONFIGURED),
    ],
)
def test_third_party_packages_that_are_imported(words: list[str], allowed: set[str]) -> None:
    done = subprocess.run([sys.executable, "-c", CODE, *words], capture_output=True, text=True, check=True)
    third_party = packages_distributions().keys() & json.loads(done.stderr.splitlines()[-1])
    assert {name for name in third_party if not name.startswith("__editable__")} <= allowed
