"""Commands out of Markdown, typed in one process on a desk with tiny data."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click
import tiny
from click.testing import CliRunner

from translate.cli import main
from translate.config import check_settings, presets
from translate.data import faces

ROOT = Path(__file__).parents[1]

SHORTER = (
    (r"--count \S+", "--count 4"),
    (r"--bootstrap \S+", "--bootstrap 20"),
    (r"--refine \S+", "--refine 2"),
    (r"--interpolate \S+", "--interpolate 4"),
)
SHORT_TRAINING = ((r"--minutes \S+", "--steps 2"), (r"--steps \S+", "--steps 2"))
"""A reader trains for minutes; two steps go through the same code."""
SMALLER = ["data.size=[32,32]", "data.load_size=null", "data.transforms=[]"]
PLANNED = {
    "faces": ["networks.generator.width=8", "networks.generator.group=8", "networks.discriminator.width=8"],
    "photos": ["networks.generator.width=8"],
    "pairs": ["networks.generator.width=8"],
}
PLACEHOLDERS = {
    "RUN": "runs/photos",
    "RUN1": "runs/photos",
    "RUN2": "runs/again",
    "DIR": "photos",
    "INPUT": "photos/testA",
    "PICTURE.jpg": "photos/testA/1000000.png",
}
SHELL = ("mkdir", "cp", "mv", "rm", "ls", "cat", "echo")
LENT = {"faces": "faces", "pairs": "pairs", "pix2pix": "pairs", "stylegan2": "faces", "r3gan": "faces", "why": "pairs"}
"""By the first word of a run's name what it was trained on, where that is not `photos`."""


@dataclass(frozen=True)
class Line:
    """A command of a page, as it stands there, without comment."""

    page: str
    text: str

    @property
    def words(self) -> list[str]:
        """As a shell would split it."""
        return shlex.split(self.text)


def blocks(text: str, language: str) -> list[str]:
    """The bodies of all fenced blocks of one language; "" are those that name none."""
    found = re.findall(r"^( *)```([^\n`]*)\n(.*?)^\1```$", text, flags=re.M | re.S)
    return ["\n".join(line.removeprefix(by) for line in body.splitlines()) for by, of, body in found if of == language]


def lines(page: str, text: str, language: str = "sh") -> list[Line]:
    """The commands of all blocks of one language, in their order."""
    found = []
    for body in blocks(text, language):
        for line in body.replace("\\\n", " ").splitlines():
            found += [Line(page, part.strip()) for part in line.partition(" #")[0].split("&&") if part.strip(" #")]
    return found


def mentioned(page: str, text: str) -> list[Line]:
    """Commands between backquotes and in blocks of no language, which are often not whole."""
    prose = re.sub(r"^ *```.*?^ *```$", "", text, flags=re.M | re.S)
    said = [" ".join(found.split()) for found in re.findall(r"`(translate [^`]+)`", prose)]
    whole = [
        line for language in ("", "text") for line in lines(page, text, language) if line.text.startswith("translate ")
    ]
    return [Line(page, line.partition(" > ")[0]) for line in said if line.partition(" ")[2]] + whole


def parse(line: Line, *, whole: bool = True) -> None:
    """Raise AssertionError where a command, an option or a key does not exist. `whole`: no option lacks its value."""
    words = line.words
    while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
        words = words[1:]
    words = [word for word in words[words.index("translate") + 1 :] if word != "--quiet"]  # which stands anywhere
    command: click.Command = main
    context = click.Context(main, info_name="translate", **main.context_settings)  # or -h is lost
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        if not re.fullmatch("[a-z0-9-]+", words[0]):  # a placeholder or an ellipsis
            return
        found = command.get_command(context, words[0])
        assert found is not None, f"{line.page}: no command {words[0]!r} in: {line.text}"
        command, words = found, words[1:]
        context = click.Context(command, info_name=command.name, parent=context)
    if "..." in words or isinstance(command, click.Group):
        known = {name for option in command.params for name in (*option.opts, *option.secondary_opts)}
        unknown = [word for word in words if word.startswith("--") and word.partition("=")[0] not in {*known, "--help"}]
        assert not unknown, f"{line.page}: no {unknown} in: {line.text}"
        return
    words = words[: words.index(">")] if ">" in words else words
    try:
        values, _, _ = command.make_parser(context).parse_args(list(words))
    except click.UsageError as error:
        if not whole and "requires an argument" in error.format_message():
            return
        raise AssertionError(f"{line.page}: {error.format_message()} in: {line.text}") from None
    check_settings(values.get("settings") or ())


def prepare(desk: Path) -> None:
    """Lay out `photos` (unpaired, held-out pairs), `scenes` (pairs of equal names), `pairs` (the same side by side) and
    `faces` (one domain)."""
    from PIL import Image

    faces.make(desk / "photos", size=32, train=4, test=2, pairs=False)
    faces.make(desk / "scenes", size=32, train=50, test=2)
    for split in ("train", "test"):
        (desk / "pairs" / split).mkdir(parents=True)
        for a in (desk / "scenes" / f"{split}A").iterdir():
            wide = Image.new("RGB", (64, 32))
            wide.paste(Image.open(a), (0, 0))
            wide.paste(Image.open(desk / "scenes" / f"{split}B" / a.name), (32, 0))
            wide.save(desk / "pairs" / split / a.name)
    (desk / "scenes" / "pairs.csv").unlink()
    shutil.copytree(desk / "photos" / "trainA", desk / "faces")


def shortened(words: list[str]) -> list[str]:
    """A command that is done in a second, and goes through the same code."""
    training = words[:2] == ["translate", "train"]
    line = shlex.join(words)
    for pattern, short in [*SHORTER, *(SHORT_TRAINING if training else ())]:
        line = re.sub(pattern, short, line)
    words = shlex.split(line)
    if not training:
        return words
    config = "" if words[2].startswith("-") else words[2]
    data = words[words.index("--data") + 1] if "--data" in words else ""
    networks = tiny.PRESETS[config][1] if config in presets() else PLANNED.get(data, PLANNED["photos"])
    settings = [*SMALLER, *([] if "--from" in words else networks)]
    if not {"--steps", "--minutes"} & set(words):
        words += ["--steps", "2"]
    if "training.batch" not in line and "--batch" not in line:
        settings.append("training.batch=2")
    return [*words, *(word for setting in settings for word in ("--set", setting))]


def published(file: Path) -> None:
    """Weights as the CycleGAN project's code saves them: our ResNet has its keys."""
    import torch

    from translate.networks.resnet import ResnetGenerator

    torch.save(ResnetGenerator(3, 3, width=8, blocks=2).state_dict(), file)


class Desk:
    """A folder in which commands are typed, one after another; the tests' working folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._new = 0

    def type(self, line: Line) -> None:
        """Run a command; AssertionError where it fails. Runs and weights that it reads and nobody made are lent."""
        words, environment = line.words, {}
        while words and (setting := re.fullmatch(r"([A-Z_]+)=(.*)", words[0])):
            environment[setting[1]] = setting[2]
            words = words[1:]
        if words[0] in SHELL:
            subprocess.run(words if ">" not in words else line.text, shell=">" in words, cwd=self.folder, check=True)
            return
        assert words[0] == "translate", f"{line.page}: {line.text}"
        words, file = list(self._named(words)), None
        if ">" in words:
            words, file = words[:-2], words[-1]
        self._lend(words)
        words = shortened(words)
        done = CliRunner(env=environment).invoke(main, words[1:])  # importing torch takes most of the time
        assert done.exit_code == 0, f"{line.page}: {shlex.join(words)}\n{done.output}\n{done.exception!r}"
        if file:
            (self.folder / file).write_text(done.stdout, encoding="utf-8")

    def execute(self, body: str, page: str) -> None:
        """Run Python, for which `image` is a picture of A; after the commands of its page."""
        from PIL import Image

        for run in re.findall(r'"(runs/[\w/]+)"', body):
            self._train(run)
        with Image.open(next((self.folder / "photos" / "testA").iterdir())) as file:
            exec(compile(body, page, "exec"), {"image": file.convert("RGB")})

    def _named(self, words: list[str]) -> Iterator[str]:
        for before, word in zip(["", *words], words, strict=False):
            if before == "--out" and word in ("RUN", "OUT") and words[1] == "train":
                self._new += 1
                yield f"runs/new{self._new}"
            elif word in ("OUT", "OUTPUT"):
                self._new += 1
                yield f"out{self._new}"
            else:
                yield PLACEHOLDERS.get(word, word)

    def _lend(self, words: list[str]) -> None:
        if "best" in words:  # which a training of two steps has no time to find
            self._train(words[2])
            newest = next((self.folder / words[2] / "checkpoints").glob("step-*.pt"))
            shutil.copy(newest, newest.with_name("best.pt"))
        for before, word in zip(["", *words], words, strict=False):
            if (self.folder / word).exists() or (before == "--out" and words[1] == "train"):
                continue
            if word.endswith(".pth"):
                published(self.folder / word)
            elif re.fullmatch(r"runs/[\w/-]+", word) and words[1] not in ("import", "pull"):
                self._train(word)

    def _train(self, run: str) -> None:
        if (self.folder / run).exists():
            return
        name = run.split("/")[1]
        preset = "bicyclegan" if name == "why" else name if name in presets() else ""
        data = LENT.get(name, "photos")
        self.type(Line("lent", f"translate train {preset} --data {data} --out {run} --steps 2"))
