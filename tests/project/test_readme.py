"""The README's commands are typed here, on tiny folders of the shapes that it speaks of."""

import re
import shlex
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from translate.cli import main
from translate.config import presets
from translate.data import faces

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")

SHORTER = ((r"--minutes \S+", "--steps 2"), (r"--steps \S+", "--steps 2"), (r"--count \S+", "--count 4"))
"""A reader trains for minutes; two steps go through the same code."""

SMALLER = "--set data.size=[32,32] --set data.load_size=null --set data.transforms=[] --set training.batch=2"
NETWORKS = {
    "pix2pix": "--set 'networks.generator={name: unet, levels: 4, width: 8}'",
    "semi": "--set networks.generator.width=8 --set networks.generator.blocks=2",
    "faces": "--set networks.generator.width=8 --set networks.generator.group=8 --set networks.discriminator.width=8",
    "bicyclegan": "--set 'networks.generator={name: unet, levels: 3, width: 8, norm: instance}' "
    "--set networks.discriminator.width=4 --set networks.discriminator.layers=2 --set networks.encoder.width=4",
    "mine.yaml": "--set networks.generator.width=8 --set networks.generator.blocks=2",
}


def commands() -> list[str]:
    blocks = re.findall(r"^```sh\n(.*?)^```", README, flags=re.M | re.S)
    lines = [line.partition(" #")[0].strip() for block in blocks for line in block.splitlines() if line.strip()]
    return [line for line in lines if not line.startswith("pip ") and line != "translate demo"]


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `photos` (unpaired, held-out pairs), `pairs` (side by side) and `faces` (one domain)."""
    from PIL import Image

    desk = tmp_path_factory.mktemp("desk")
    faces.make(desk / "photos", size=32, train=4, test=2, pairs=False)
    faces.make(desk / "drawn", size=32, train=50, test=2)
    for split in ("train", "test"):
        (desk / "pairs" / split).mkdir(parents=True)
        for a in (desk / "drawn" / f"{split}A").iterdir():
            wide = Image.new("RGB", (64, 32))
            wide.paste(Image.open(a), (0, 0))
            wide.paste(Image.open(desk / "drawn" / f"{split}B" / a.name), (32, 0))
            wide.save(desk / "pairs" / split / a.name)
    shutil.copytree(desk / "photos" / "trainA", desk / "faces")
    return desk


def shortened(line: str) -> str:
    for pattern, short in SHORTER:
        line = re.sub(pattern, short, line)
    if line.startswith("translate train"):
        config = "faces" if "--data faces" in line else line.split()[2]
        line += f" {SMALLER} {NETWORKS.get(config, '--set networks.generator.width=8')}"
    return line


def test_readme_commands_run_in_their_order(desk: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(desk)
    assert len(commands()) >= 10
    for line in commands():
        words, file = shlex.split(shortened(line)), None
        if ">" in words:
            words, file = words[:-2], words[-1]
        assert words[0] == "translate"
        done = CliRunner().invoke(main, words[1:])  # in one process, or importing torch would take most of the time
        assert done.exit_code == 0, f"{line}\n{done.output}\n{done.exception!r}"
        if file:
            Path(file).write_text(done.stdout)
    assert len(list((desk / "out").glob("*.png"))) == 2
    assert (desk / "runs/photos/report.html").is_file()
    assert len(list((desk / "new").glob("0*.png"))) == 4


def test_every_preset_is_in_the_table():
    assert all(f"| `{name}` |" in README for name in presets())


def test_every_package_file_is_on_the_map():
    files = [path for path in (ROOT / "translate").rglob("*.py") if path.name != "__init__.py"]
    missing = [path.name for path in files if not re.search(rf"\b{path.name}\b", README)]
    assert not missing


def test_links_lead_somewhere():
    for target in re.findall(r"\]\(([^)#]+)", README):
        assert (ROOT / target).exists(), target
