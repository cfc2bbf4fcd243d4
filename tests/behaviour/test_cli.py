"""The command line as a whole: help, unknown words, what the small commands print."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

import translate
from translate import config
from translate.cli import COMMANDS, main
from translate.data import layouts


def run(*words: str | Path) -> Result:
    return CliRunner().invoke(main, [str(word) for word in words])


def test_the_promised_commands_are_there() -> None:
    promised = {"demo", "train", "apply", "sample", "evaluate", "check", "report", "presets", "show", "data"}
    assert promised <= set(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(name: str) -> None:
    said = run(name, "--help")
    assert said.exit_code == 0, said.output
    assert f"main {name}" in said.stdout
    assert name in run("--help").stdout
    assert run(name, "-h").stdout == said.stdout


@pytest.mark.parametrize("name", COMMANDS)
def test_an_unknown_option_is_named(name: str) -> None:
    said = run(name, "--no-such-option")
    assert said.exit_code == 2
    assert "--no-such-option" in said.stderr
    assert "Traceback" not in said.output


def test_an_unknown_command_names_the_nearest() -> None:
    said = run("trian")
    assert said.exit_code == 2
    assert 'no command "trian". Did you mean "train"?' in said.stderr
    assert "translate --help" in said.stderr
    assert isinstance(said.exception, SystemExit)


def test_the_version_is_the_packages() -> None:
    assert run("--version").stdout.split()[-1] == translate.__version__


def test_presets_are_listed_with_what_they_are() -> None:
    said = run("presets")
    assert said.exit_code == 0
    assert all(name in said.stdout for name in config.presets())
    listed = json.loads(run("presets", "--json").stdout)
    assert set(listed) == set(config.presets())
    assert all("Command: " in about for about in listed.values())


def test_show_prints_a_configuration_that_loads(tmp_path: Path) -> None:
    said = run("show", "pix2pix", "--set", "training.batch=3")
    assert said.exit_code == 0
    (tmp_path / "shown.yaml").write_text(said.stdout)
    assert config.load(str(tmp_path / "shown.yaml")) == config.load("pix2pix", ["training.batch=3"])
    assert yaml.safe_load(said.stdout)["training"]["batch"] == 3
    assert run("show", tmp_path / "shown.yaml").stdout == said.stdout


def test_datasets_are_listed_and_drawn(tmp_path: Path) -> None:
    assert "faces" in run("data", "list").stdout
    words = ("--train", "5", "--test", "2", "--size", "16", "--seed", "3")
    for name, extra, pairs in (("paired", (), 5), ("unpaired", ("--no-pairs",), 0)):
        said = run("data", "make", "faces", tmp_path / name, *words, *extra)
        assert said.exit_code == 0, said.output
        found = layouts.find(tmp_path / name)
        assert len(found.split("train").pairs) == pairs
        assert len(found.split("test").pairs) == 2


def test_check_says_what_is_there(semi: Path, tmp_path: Path) -> None:
    said = run("check", semi)
    assert "semi-supervised" in said.stdout
    assert "16x16" in said.stdout
    run("check", semi, "--json", tmp_path / "report.json")
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["regime"] == "semi-supervised"
    assert report["splits"]["train"] == {"pairs": 3, "only_a": 5, "only_b": 5}
    assert json.loads(run("check", semi, "--json", "-").stdout) == report


def test_check_finds_nothing_wrong_with_what_is_drawn(paired: Path) -> None:
    said = run("check", paired)
    assert said.exit_code == 0, said.output


def test_it_runs_as_a_module() -> None:
    done = subprocess.run([sys.executable, "-m", "translate", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.split()[-1] == translate.__version__
    failed = subprocess.run(
        [sys.executable, "-m", "translate", "show", "smok"], capture_output=True, text=True, check=False
    )
    assert failed.returncode == 2
    assert failed.stderr.startswith('error: unknown preset "smok". Did you mean "smoke"?')
    assert failed.stdout == ""
