"""The README's commands are typed here, on tiny folders of the shapes that it speaks of."""

import re
from pathlib import Path

import pytest
from typed import ROOT, Desk, lines, mentioned, parse, prepare

from translate.config import presets

README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("desk")
    prepare(folder)
    return folder


def test_readme_commands_run_in_their_order(desk: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(desk)
    commands = [
        line for line in lines("README.md", README) if not re.match(r"pip |pytest|translate (demo|ui)", line.text)
    ]
    assert len(commands) >= 10
    at = Desk(desk)
    for line in commands:
        at.type(line)
    assert len(list((desk / "out").glob("*.png"))) == 2
    assert (desk / "runs/photos/report.html").is_file()
    assert len(list((desk / "new").glob("0*.png"))) == 4


def test_what_is_mentioned_exists():
    for line in mentioned("README.md", README):
        parse(line, whole=False)


def test_every_preset_is_in_the_table():
    assert all(f"| `{name}` |" in README for name in presets())


def test_every_package_file_is_on_the_map():
    files = [path for path in (ROOT / "translate").rglob("*.py") if path.name != "__init__.py"]
    missing = [path.name for path in files if not re.search(rf"\b{path.name}\b", README)]
    assert not missing


def test_links_lead_somewhere():
    for target in re.findall(r"\]\(([^)#]+)", README):
        assert (ROOT / target).exists(), target
