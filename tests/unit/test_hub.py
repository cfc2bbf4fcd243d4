"""Push and pull against a hub of models that runs here: what goes there, what comes back, and what is refused."""

import base64
import errno
import json
import os
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from click.testing import CliRunner, Result
from PIL import Image

import translate
from translate import build
from translate.cli import main
from translate.config import load
from translate.errors import UserError
from translate.exchange import card, hub
from translate.exchange.taken import Taken, write_run

pytest.importorskip("huggingface_hub")
pytest.importorskip("safetensors")

MINE, THEIRS = "me", "them"


class Hub(ThreadingHTTPServer):
    """Repositories as {name: {file: bytes}}, over the hub's protocol; only what begins with me/ may be written."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.repositories: dict[str, dict[str, bytes]] = {}
        self.private: set[str] = set()
        self.messages: list[str] = []


class _Handler(BaseHTTPRequestHandler):
    server: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments: Any) -> None:
        pass

    def answer(self, status: int, body: Any = b"", **headers: str) -> None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Length": str(len(data)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def do_GET(self) -> None:
        files, path = self.server.repositories, self.path.partition("?")[0]
        if found := re.fullmatch(r"/api/models/(\w+/\w+)(?:/revision/(\w+))?", path):
            name, revision = found[1], found[2]
            if name not in files:
                return self.answer(404, X_Error_Code="RepoNotFound")
            if revision not in (None, "main"):
                return self.answer(404, X_Error_Code="RevisionNotFound")
            there = [{"rfilename": file} for file in files[name]]
            told = {"id": name, "sha": "c0ffee", "private": name in self.server.private, "siblings": there}
            return self.answer(200, told)
        if found := re.fullmatch(r"/(\w+/\w+)/resolve/(\w+)/(.+)", path):
            body = files.get(found[1], {}).get(found[3])
            if body is None:
                return self.answer(404, X_Error_Code="EntryNotFound", X_Repo_Commit="c0ffee")
            return self.answer(200, body, X_Repo_Commit="c0ffee", ETag='"1"')
        return self.answer(404)

    do_HEAD = do_GET  # noqa: N815

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers["Authorization"] != "Bearer right":
            return self.answer(401)
        if self.path == "/api/validate-yaml":
            return self.answer(200, {"errors": [], "warnings": []})
        if self.path == "/api/repos/create":
            told = json.loads(body)
            name = f"{told.get('organization') or MINE}/{told['name']}"
            if not name.startswith(MINE):
                return self.answer(403)
            self.server.repositories[name] = {".gitattributes": b""}
            if told.get("private") or told.get("visibility") == "private":
                self.server.private.add(name)
            return self.answer(200, {"url": f"http://127.0.0.1:{self.server.server_port}/{name}"})
        found = re.match(r"/api/models/(\w+/\w+)/(preupload|commit)/main", self.path)
        assert found, self.path
        if not found[1].startswith(MINE):
            return self.answer(403)
        if found[2] == "preupload":
            asked = json.loads(body)["files"]
            modes = [{"path": file["path"], "uploadMode": "regular", "shouldIgnore": False} for file in asked]
            return self.answer(200, {"files": modes})
        for line in map(json.loads, body.splitlines()):
            if line["key"] == "file":
                content = base64.b64decode(line["value"]["content"])
                self.server.repositories[found[1]][line["value"]["path"]] = content
            else:
                self.server.messages.append(line["value"]["summary"])
        address = f"http://127.0.0.1:{self.server.server_port}/{found[1]}"
        return self.answer(200, {"commitUrl": f"{address}/commit/c0ffee", "commitOid": "c0ffee"})


@pytest.fixture
def there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Hub]:
    """A hub at which somebody is logged in."""
    import huggingface_hub
    from huggingface_hub import constants

    server = Hub()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    address = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setattr(constants, "ENDPOINT", address)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", address + "/{repo_id}/resolve/{revision}/{filename}")
    monkeypatch.setattr(constants, "HF_URL_HOSTS", frozenset({"127.0.0.1"}))
    monkeypatch.setenv("HF_TOKEN", "right")
    monkeypatch.setenv("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    yield server
    huggingface_hub.close_session()
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hub") / "run"
    config = load("fast", ["data.size=[16, 16]", "networks.generator={name: fast, width: 8, blocks: 1, detail: 4}"])
    config.data.root = "/home/somebody/photos"
    torch.manual_seed(0)
    write_run(Taken(config, build.generators(config).state_dict(), {"step": 9}), folder)
    return folder


def call(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def refused(*arguments: object) -> str:
    result = call(*arguments)
    assert result.exit_code == 2, result.output
    assert "Traceback" not in result.output
    return result.output


def test_what_was_pushed_is_pulled_as_the_same_run(there: Hub, run: Path, tmp_path: Path) -> None:
    result = call("push", run, "me/photos", "--private", "--licence", "cc0-1.0")
    assert result.exit_code == 0, result.output
    assert set(there.repositories["me/photos"]) == {".gitattributes", "README.md", "config.json", "model.safetensors"}
    assert there.private == {"me/photos"}
    assert not any(b"somebody" in content for content in there.repositories["me/photos"].values())
    result = call("pull", "me/photos", tmp_path / "pulled")
    assert result.exit_code == 0, result.output
    assert "cc0-1.0" in result.output
    pixels = np.random.default_rng(0).integers(0, 256, (19, 22, 3), dtype=np.uint8)
    for to in ("a", "b"):
        ours, theirs = (translate.load(folder, to=to)(pixels) for folder in (run, tmp_path / "pulled"))
        assert np.array_equal(ours, theirs)
    assert refused("pull", "me/photos", tmp_path / "pulled")  # a run that is there stays


def test_second_push_is_a_new_version_of_the_same(there: Hub, run: Path) -> None:
    for _ in range(2):
        assert call("push", run, "me/photos").exit_code == 0
    assert there.messages == ["Step 9", "Step 9"]
    assert "public already" in refused("push", run, "me/photos", "--private")


def test_what_is_not_ours_is_not_overwritten(there: Hub, run: Path) -> None:
    there.repositories["me/other"] = {"config.json": b'{"model_type": "bert"}', "model.safetensors": b"theirs"}
    there.repositories["me/files"] = {"data.csv": b"1"}
    before = {name: dict(files) for name, files in there.repositories.items()}
    assert "another program's model" in refused("push", run, "me/other")
    assert "something else" in refused("push", run, "me/files")
    assert "not yours" in refused("push", run, "them/photos")
    assert there.repositories == before


@pytest.mark.parametrize(("token", "said"), [("wrong", "does not know this login"), (None, "nobody is logged in")])
def test_login_that_is_missing_or_wrong(
    there: Hub, run: Path, monkeypatch: pytest.MonkeyPatch, token: str | None, said: str
) -> None:
    import huggingface_hub

    monkeypatch.setattr(huggingface_hub, "get_token", lambda: token)
    monkeypatch.setenv("HF_TOKEN", token or "none")
    assert said in refused("push", run, "me/photos")
    assert not there.repositories


def test_pull_names_what_is_missing(there: Hub, run: Path, tmp_path: Path) -> None:
    assert "no such repository" in refused("pull", "me/photos", tmp_path / "run")
    there.repositories["me/empty"] = {"README.md": b""}
    assert "no model of this program" in refused("pull", "me/empty", tmp_path / "run")
    assert call("push", run, "me/photos").exit_code == 0
    assert 'no revision "v2"' in refused("pull", "me/photos", tmp_path / "run", "--revision", "v2")
    assert call("pull", "me/photos", tmp_path / "run", "--revision", "main").exit_code == 0


def test_pull_takes_no_code_and_no_other_weights(there: Hub, run: Path, tmp_path: Path) -> None:
    assert call("push", run, "me/photos").exit_code == 0
    files = there.repositories["me/photos"]
    told = json.loads(files["config.json"])
    told["config"]["networks"]["generator"] = {"name": "evil.module:Class"}
    sound, files["config.json"] = files["config.json"], json.dumps(told).encode()
    assert "evil.module:Class" in refused("pull", "me/photos", tmp_path / "run")
    files["config.json"] = sound
    files["model.safetensors"] = files["model.safetensors"][:-7]
    assert "damaged" in refused("pull", "me/photos", tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_nobody_answers(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")  # the discard port, which nothing listens on
    monkeypatch.setenv("HF_TOKEN", "right")
    assert "can't be reached" in refused("push", run, "me/photos")
    assert "can't be reached" in refused("pull", "me/photos", tmp_path / "run")


def test_what_the_disk_says_is_not_blamed_on_the_network(
    there: Hub, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import huggingface_hub

    assert call("push", run, "me/photos").exit_code == 0
    for number, said in (
        (errno.ENOSPC, "No space left"),
        (errno.EDQUOT, "quota"),
        (errno.EACCES, "Permission denied"),
        (errno.EROFS, "Read-only"),
        (errno.ECONNRESET, "can't be reached"),
    ):

        def broken(*given: object, number: int = number, **more: object) -> None:
            raise OSError(number, os.strerror(number), "a file")

        monkeypatch.setattr(huggingface_hub.HfApi, "hf_hub_download", broken)
        output = refused("pull", "me/photos", tmp_path / "run")
        assert said in output
        assert ("can't be reached" in output) == (number == errno.ECONNRESET)


def test_network_that_breaks_before_a_file_is_named(
    there: Hub, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client then looks for a copy here, and says that there is none: after half a minute, so it is told to."""
    import huggingface_hub

    assert call("push", run, "me/photos").exit_code == 0

    def broken(*given: object, **more: object) -> None:
        raise huggingface_hub.errors.LocalEntryNotFoundError("cannot find the requested files in the local cache")

    monkeypatch.setattr(huggingface_hub.HfApi, "hf_hub_download", broken)
    assert "can't be reached" in refused("pull", "me/photos", tmp_path / "run")


def test_run_that_is_a_link_to_an_empty_folder_is_filled(there: Hub, run: Path, tmp_path: Path) -> None:
    assert call("push", run, "me/photos").exit_code == 0
    (tmp_path / "there").mkdir()
    (tmp_path / "link").symlink_to("there", target_is_directory=True)
    result = call("pull", "me/photos", tmp_path / "link")
    assert result.exit_code == 0, result.output
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "there/config.yaml").is_file()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link", "there"]


def test_a_quiet_push_and_pull_say_results_alone(there: Hub, run: Path, tmp_path: Path) -> None:
    for words in (["push", run, "me/photos"], ["pull", "me/photos", tmp_path / "run"]):
        result = call(*words, "--quiet")
        assert result.exit_code == 0, result.output
        assert "me/photos" in result.output
        assert "next:" not in result.output


@pytest.mark.parametrize("name", ["photos", "me/you/photos", "me/", "me/a b", "me/a--b", "../x", "me/x.git", ""])
def test_wrong_names_are_refused_before_anything_is_read(name: str) -> None:
    with pytest.raises(UserError, match="NAMESPACE/NAME"):
        hub.require_name(name)


def test_dry_run_writes_the_card_and_uploads_nothing(there: Hub, run: Path, tmp_path: Path) -> None:
    scores = {
        "protocol": {"data": "/home/somebody/photos", "split": "test", "n": {"a2b": 4}, "size": [16, 16], "step": 9},
        "metrics": {"a2b": {"l1": 12.5}},
        "baseline": {"a2b": {"l1": 30.25}},
    }
    (tmp_path / "scores.json").write_text(json.dumps(scores))
    exif = Image.Exif()
    exif[0x010E] = "at somebody's home"
    Image.new("RGB", (8, 8), "teal").save(tmp_path / "grid.jpg", exif=exif)
    result = call(
        "push", run, "me/photos", "--dry-run", tmp_path / "there", "--scores", tmp_path / "scores.json",
        "--grid", tmp_path / "grid.jpg", "--about", "A: clay. B: comics.",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert not there.repositories
    _, front, card = (tmp_path / "there/README.md").read_text().split("---\n", 2)
    told = yaml.safe_load(front)
    assert told["pipeline_tag"] == "image-to-image"
    assert "license" not in told
    assert "A: clay. B: comics." in card
    assert re.search(r"\| .*L1.* \| 12\.5\d* \| 30\.2\d* ", card), card
    assert "translate pull me/photos" in card
    written = b"".join(path.read_bytes() for path in (tmp_path / "there").iterdir())
    assert b"somebody" not in written
    assert "is there already" in refused("push", run, "me/photos", "--dry-run", tmp_path / "there")


def test_grid_that_is_a_bomb_is_refused(run: Path, tmp_path: Path) -> None:
    Image.new("1", (20_000, 20_000)).save(tmp_path / "grid.png")
    said = refused("push", run, "me/photos", "--dry-run", tmp_path / "there", "--grid", tmp_path / "grid.png")
    assert "is too large" in said
    assert not (tmp_path / "there").exists()


def test_card_of_many_outputs_says_how_to_get_them(tmp_path: Path) -> None:
    config = load("bicyclegan", ["data.size=[8, 8]", "networks.generator={name: unet, levels: 3, width: 4}"])
    taken = Taken(config, build.generators(config).state_dict(), {"step": 9, "trained_on": "5 pairs"})
    said = card.text(taken, "me/many")
    assert "OUTPUT --samples 4" in said
    assert "(image, seed=1)" in said
    assert "Training images: 5 pairs" in said
    assert "multiples of 8" in said


def test_card_has_no_scores_of_other_weights(run: Path, tmp_path: Path) -> None:
    (tmp_path / "scores.json").write_text(json.dumps({"protocol": {"step": 8}, "metrics": {}}))
    said = refused("push", run, "me/photos", "--dry-run", tmp_path / "there", "--scores", tmp_path / "scores.json")
    assert "step 8" in said
    for protocol in (None, [], "x"):
        (tmp_path / "scores.json").write_text(json.dumps({"protocol": protocol, "metrics": {}}))
        said = refused("push", run, "me/photos", "--dry-run", tmp_path / "there", "--scores", tmp_path / "scores.json")
        assert "holds no scores" in said
    assert not (tmp_path / "there").exists()
    assert call("push", run, "me/photos", "--dry-run", tmp_path / "there").exit_code == 0
    assert "nobody has scored" in (tmp_path / "there/README.md").read_text()
