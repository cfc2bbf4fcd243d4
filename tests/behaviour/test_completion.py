"""The Tab key: what is offered for words half typed, by click's own protocol and in a real bash."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from translate import config
from translate.cli import COMMANDS, main

SHELLS = ["bash", "zsh", "fish"]


def offered(monkeypatch: pytest.MonkeyPatch, *words: str) -> list[str]:
    """What bash is told for `translate WORDS<Tab>`."""
    line = ["translate", *words]
    for name, value in (
        ("_TRANSLATE_COMPLETE", "bash_complete"),
        ("COMP_WORDS", "\n".join(line)),
        ("COMP_CWORD", str(len(words))),
    ):
        monkeypatch.setenv(name, value)
    said = CliRunner().invoke(main, [], prog_name="translate")
    assert said.exit_code == 0, said.output
    return [row.partition(",")[2] for row in said.stdout.splitlines() if row.startswith("plain,")]


def test_commands(monkeypatch: pytest.MonkeyPatch) -> None:
    assert offered(monkeypatch, "ev") == ["evaluate"]
    assert offered(monkeypatch, "") == list(COMMANDS)
    assert offered(monkeypatch, "nonsense", "") == list(COMMANDS)  # and no traceback over the line


def test_options_and_their_values(monkeypatch: pytest.MonkeyPatch) -> None:
    assert offered(monkeypatch, "check", "--js") == ["--json"]
    assert offered(monkeypatch, "report", "--device", "c") == ["cpu", "cuda"]
    assert offered(monkeypatch, "report", "--device", "=", "c") == ["cpu", "cuda"]  # as bash cuts --device=c
    assert offered(monkeypatch, "completion", "") == SHELLS


def test_presets(monkeypatch: pytest.MonkeyPatch) -> None:
    assert offered(monkeypatch, "show", "") == list(config.presets())
    assert offered(monkeypatch, "show", "pix") == ["pix2pix"]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["show", "--set", "train"], ["training."]),
        (["show", "--set", "training.opt"], ["training.optimizer="]),
        (["show", "--set", "networks.gen"], ["networks.generator=", "networks.generator."]),
        (["show", "--set", "data.channels."], ["data.channels.a=", "data.channels.b="]),
        (["show", "pix2pix", "--set", "objective."], ["objective.adversarial.", "objective.supervised."]),
        (["show", "pix2pix", "--set", "networks.generator.le"], ["networks.generator.levels="]),
        (["show", "--set", "objective.adversarial.ga"], ["objective.adversarial.game="]),
    ],
)
def test_keys_of_set_a_section_at_a_time(
    words: list[str], expected: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert offered(monkeypatch, *words) == expected


@pytest.mark.parametrize(
    ("cut", "expected"),
    [
        (["training.schedule", "="], ["constant", "cosine", "linear"]),
        (["training.schedule", "=", "co"], ["constant", "cosine"]),
        (["networks.encoder", "="], ["resnet"]),
        (["networks.generator.norm", "=", "in"], ["instance"]),
        (["objective.any.term", "=", "mode"], ["mode_seeking"]),
        (["training.compile", "="], ["false", "true"]),
        (["training.steps", "="], []),
    ],
)
def test_values_of_set_where_they_can_be_counted(
    cut: list[str], expected: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bash takes "=" for a word of its own, and replaces what stands behind it."""
    assert offered(monkeypatch, "show", "--set", *cut) == expected


@pytest.mark.parametrize("shell", SHELLS)
def test_the_scripts_are_printed(shell: str) -> None:
    said = CliRunner().invoke(main, ["completion", shell])
    assert said.exit_code == 0, said.output
    assert f"_TRANSLATE_COMPLETE={shell}_complete" in said.stdout


@pytest.mark.parametrize("shell", SHELLS)
def test_the_shells_can_read_the_scripts(shell: str, tmp_path: Path) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"no {shell}")
    (tmp_path / "script").write_text(CliRunner().invoke(main, ["completion", shell]).stdout, encoding="utf-8")
    subprocess.run([shell, "-n", str(tmp_path / "script")], check=True)


def test_bash_completes(tmp_path: Path) -> None:
    bash = shutil.which("bash")
    if bash is None or sys.platform == "win32":
        pytest.skip("no bash")
    program = tmp_path / "translate"
    code = "from translate.cli import main; main(prog_name='translate')"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -c "{code}"\n', encoding="utf-8")
    program.chmod(0o755)
    typed = "COMP_WORDS=(translate show --set training.schedule = c); COMP_CWORD=5; _translate_completion translate"
    script = CliRunner().invoke(main, ["completion", "bash"]).stdout
    lines = [f"PATH={tmp_path}:$PATH", script, typed, 'echo "${COMPREPLY[*]}"']
    done = subprocess.run([bash, "--norc", "-c", "\n".join(lines)], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["constant", "cosine"]


def test_completing_imports_no_torch() -> None:
    code = (
        "import os, sys\n"
        "os.environ |= {'_TRANSLATE_COMPLETE': 'bash_complete', 'COMP_CWORD': '3',\n"
        "               'COMP_WORDS': 'translate show --set networks.generator.'}\n"
        "from translate.cli import main\n"
        "try:\n    main(prog_name='translate')\n"
        "finally:\n    assert not {'torch', 'numpy', 'PIL', 'kornia', 'rich'} & {*sys.modules}\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "networks.generator.norm=" in done.stdout
    assert done.stderr == ""
