"""The wheel holds all that the program needs, and nothing of the checkout."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from translate.catalogue import cards
from translate.config import presets
from translate.data import faces

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("build")
    folder = tmp_path_factory.mktemp("wheel")
    words = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return next(folder.glob("translate_gan-*.whl"))


@pytest.mark.slow
def test_it_holds_the_package_the_presets_and_the_recipes_alone(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if ".dist-info/" not in name]
        licences = [name for name in archive.namelist() if name.endswith("LICENSE")]
    assert {name.split("/")[0] for name in names} == {"translate"}
    for path in (ROOT / "translate").rglob("*"):
        if path.is_file() and "__pycache__" not in path.parts:
            assert str(path.relative_to(ROOT)) in names
    assert {f"translate/configs/{name}.yaml" for name in presets()} <= set(names)
    assert {f"translate/datasets/{name}/README.md" for name in cards.names()} <= set(names)
    assert licences


@pytest.mark.slow
def test_it_works_away_from_the_checkout(wheel: Path, tmp_path: Path) -> None:
    """Unpacked by pip into an empty folder, in front of what is installed here."""
    site = tmp_path / "site"
    pip = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--no-index",
        "--target",
        str(site),
        str(wheel),
    ]
    subprocess.run(pip, check=True, timeout=300)
    faces.make(tmp_path / "photos", size=32, train=4, test=2)
    here = {**os.environ, "PYTHONPATH": str(site), "PYTHONSAFEPATH": "1"}

    def typed(line: str) -> str:
        words = [sys.executable, "-m", "translate", *line.split()]
        done = subprocess.run(words, cwd=tmp_path, env=here, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, f"{line}\n{done.stderr[-3000:]}"
        return done.stdout

    where = [sys.executable, "-c", "import translate; print(translate.__file__)"]
    found = subprocess.run(where, cwd=tmp_path, env=here, capture_output=True, text=True).stdout.strip()
    assert Path(found).is_relative_to(site)
    assert "cyclegan" in typed("presets")
    assert "horse2zebra" in typed("data list")
    typed("train smoke --data photos --out run --steps 2")
    typed("apply run photos/testA out")
    typed("report run")
    assert len(list((tmp_path / "out").iterdir())) == 2
    assert (tmp_path / "run" / "report.html").is_file()
