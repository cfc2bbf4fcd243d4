"""What goes where: results and notes, colours and bars, JSON alone; and what `version` and `show` say."""

import io
import json
import re
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace

import click
import pytest
import torch
import yaml
from click.testing import CliRunner, Result

from translate import config
from translate.cli import COMMANDS, main, saying
from translate.cli import version as version_module

CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f]")
COLOUR = re.compile(r"\x1b\[[\d;]*m")
MOVING = re.compile(r"\r|\x1b\[[\d;?]*[A-HJKlh]")


def run(*words: str | Path, **options: bool) -> Result:
    return CliRunner().invoke(main, [str(word) for word in words], **options)  # type: ignore[arg-type]


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> None:
    """A command that says a note, a result in colour, and how far it is."""

    @click.command("speak")
    def speak() -> None:
        saying.note("on the way")
        with saying.bar() as bar:
            bar.update(bar.add_task("working", total=2), completed=1)
        click.secho("done", fg="green")
        saying.console().print("[red]table[/]")

    monkeypatch.setitem(COMMANDS, "speak", ("speaking", "Speak."))
    monkeypatch.setitem(sys.modules, "speaking", type("Module", (), {"command": speak}))  # type: ignore[arg-type]


@pytest.mark.usefixtures("command")
@pytest.mark.parametrize("words", [("speak", "--quiet"), ("--quiet", "speak")])
def test_quiet_leaves_results_alone(words: tuple[str, ...]) -> None:
    said = run(*words)
    assert (said.stdout, said.stderr) == ("done\ntable\n", "")


@pytest.fixture(scope="module")
def desk(unpaired: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset, somebody's published weights, and a run that was made of them."""
    from translate.networks.resnet import ResnetGenerator

    root = tmp_path_factory.mktemp("desk")
    shutil.copytree(unpaired, root / "photos")
    torch.manual_seed(0)
    torch.save(ResnetGenerator(3, 3, width=4, blocks=2).state_dict(), root / "latest_net_G_A.pth")
    assert run("import", root / "latest_net_G_A.pth", root / "run", "--size", "16").exit_code == 0
    return root


REAL = {
    "import": "import latest_net_G_A.pth NEW --size 16",
    "export": "export run NEW.safetensors",
    "apply": "apply run photos/testA NEW",
    "resize": "data resize photos NEW --size 8",
    "split": "data split photos/trainA NEW",
    "make": "data make faces NEW --size 16 --train 2 --test 2",
    "check": "check photos",
    "dry run": "train smoke --data photos --out NEW --dry-run",
}
"""Commands as they are typed, by what they are called here; each can be typed again with another NEW."""


@pytest.mark.parametrize("name", REAL)
def test_what_real_commands_say(name: str, desk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing moves in a pipe, whatever is forced; quiet leaves results, the same ones, and no bar on a terminal."""
    monkeypatch.chdir(desk)
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("FORCE_COLOR", "1")
    new = name.replace(" ", "-")
    plain = run(*REAL[name].replace("NEW", f"{new}-1").split())
    assert plain.exit_code == 0, plain.output
    assert not MOVING.search(plain.output)
    monkeypatch.setattr("click.testing._NamedTextIOWrapper.isatty", lambda self: True, raising=False)
    monkeypatch.setenv("NO_COLOR", "1")
    quiet = run("--quiet", *REAL[name].replace("NEW", f"{new}-2").split())
    assert quiet.exit_code == 0, quiet.output
    assert not CONTROL.search(quiet.output)
    assert not re.search("^(next|note):", quiet.output, re.M)
    said = {re.sub(r"[-.\d]+", "#", line) for line in COLOUR.sub("", plain.stdout).splitlines()}
    assert {re.sub(r"[-.\d]+", "#", line) for line in quiet.stdout.splitlines()} <= said


@pytest.mark.usefixtures("command")
def test_behind_two_dashes_nothing_is_an_option() -> None:
    assert "--quiet" in run("speak", "--", "--quiet").stderr  # an argument too many


@pytest.mark.usefixtures("command")
@pytest.mark.parametrize(
    ("environment", "coloured"),
    [
        ({}, False),
        ({"FORCE_COLOR": "1"}, True),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
        ({"NO_COLOR": "1"}, False),
    ],
)
def test_colours_in_a_pipe(environment: dict[str, str], coloured: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of click and rich alike; and a bar never, whatever is forced."""
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    said = run("speak")
    assert said.stderr == ""
    for line in said.stdout.splitlines()[1:]:
        assert bool(CONTROL.search(line)) is coloured, line


def test_no_colour_on_a_terminal_either(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    assert "\x1b" in run("trian", color=True).stderr  # as on a terminal
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in run("trian", color=True).stderr


def test_json_is_alone_on_standard_output(tmp_path: Path, paired: Path) -> None:
    for words in (("presets", "--json"), ("show", "smoke", "--json", "-")):
        assert json.loads(run(*words).stdout), words
    for words, shown in ((("presets",), "cyclegan"), (("show", "smoke"), "batch: 4"), (("check", paired), "16x16")):
        file = tmp_path / words[0] / "new.json"
        assert shown in run(*words, "--json", file).stdout
        assert json.loads(file.read_text(encoding="utf-8")), words


def test_show_as_json_is_the_configuration() -> None:
    made = config.load("pix2pix", ["training.batch=3"]).model_dump(mode="json")
    words = ("show", "pix2pix", "--set", "training.batch=3", "--json", "-")
    assert json.loads(run(*words).stdout) == made
    origins = json.loads(run(*words, "--origins").stdout)
    assert origins["training.batch"] == {"value": 3, "origin": {"kind": "option", "where": "--set"}}


def test_show_heeds_the_environment_for_configurations_and_not_for_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config.yaml").write_text(config.load("smoke").to_yaml(), encoding="utf-8")
    monkeypatch.setenv("TRANSLATE_TRAINING__BATCH", "7")
    assert yaml.safe_load(run("show", "smoke").stdout)["training"]["batch"] == 7
    assert yaml.safe_load(run("show", tmp_path).stdout)["training"]["batch"] == 4
    said = run("show", "smoke", "--origins").stdout
    assert re.search(r"  batch: 7 +# environment TRANSLATE_TRAINING__BATCH\n", said)
    assert yaml.safe_load(said) == yaml.safe_load(run("show", "smoke").stdout)


def test_a_variable_that_an_option_overrides_is_said_to_be(
    unpaired: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRANSLATE_TRAINING__BATCH", "3")
    words = ("train", "smoke", "--data", unpaired, "--out", tmp_path / "run", "--dry-run")
    assert "(environment TRANSLATE_TRAINING__BATCH)" in run(*words).output
    assert "(environment TRANSLATE_TRAINING__BATCH; --batch wins)" in run(*words, "--batch", "2").output


def test_show_plans_for_a_folder(paired: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from translate import machine

    monkeypatch.setattr(machine, "measure", lambda: machine.Machine("cpu", 100.0))
    said = run("show", "--data", paired, "--minutes", "5", "--origins", "--set", "training.batch=2")
    assert said.exit_code == 0, said.output
    assert re.search(r"conditional: true +# preset pix2pix:\d+", said.stdout)
    assert re.search(r"learning_rate: 0.001 +# planned: ", said.stdout)
    assert re.search(r"batch: 2 +# --set", said.stdout)


def test_report_as_json(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config.yaml").write_text(config.load("smoke").to_yaml(), encoding="utf-8")
    scored = SimpleNamespace(scores={"metrics": {"a2b": {"l1": 3.5}}})
    monkeypatch.setattr("translate.cli.report._tell", lambda *_: scored)
    said = json.loads(run("report", tmp_path, "--json", "-").stdout)
    assert said == {
        "report": str(tmp_path / "report.html"),
        "runs": [{"run": str(tmp_path), "scores": scored.scores}],
    }


def test_what_a_pipe_can_not_show_does_not_end_a_command(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pipe on Windows has the signs of one country, and files have any name."""
    monkeypatch.setattr("translate.cli.presets.presets", lambda: {"日": Path(__file__)})
    pipe = io.TextIOWrapper(io.BytesIO(), encoding="cp1252")
    monkeypatch.setattr(sys, "stdout", pipe)
    main(["presets"], standalone_mode=False)
    pipe.flush()
    assert b"\\u65e5" in pipe.buffer.getvalue()  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("show",), "translate show cyclegan"),
        (("show", "smoke", "--data", "photos"), "one of them"),
        (("show", "."), "is a folder and no run"),
        (("show", "smok/"), 'unknown configuration file "smok/"'),
    ],
)
def test_mistakes_with_show(words: tuple[str, ...], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    said = run(*words)
    assert said.exit_code == 2
    assert says in said.stderr
    assert said.stdout == ""


def test_version_says_what_is_there() -> None:
    found = json.loads(run("version", "--json").stdout)
    assert found["libraries"]["torch"]
    assert found["cores"]["this process"] >= 1
    assert "test" not in found["extras"]
    printed = run("version").stdout
    assert found["platform"] in printed
    assert CONTROL.search(printed) is None


def test_version_says_what_is_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)  # what `import torch` then raises is an ImportError
    monkeypatch.setattr(version_module, "extras", lambda: {"ui": {"gradio": None}, "ray": {"ray": "2.60.0"}})
    said = run("version")
    assert said.exit_code == 0, said.output
    assert "torch can't be imported: " in said.stdout
    assert "pip install 'translate-gan[ui]'" in said.stdout
    assert re.search(r"extra ray +ray 2.60.0", said.stdout)
