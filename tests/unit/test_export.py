"""Exported files are the same function as the run, at any size, and say what they are."""

import errno
import json
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image

import translate
from translate import build, extras
from translate.cli import main
from translate.config import load
from translate.domain import Domain
from translate.errors import UserError
from translate.exchange import agreement, described, exporting, opening, pt2_file, safe
from translate.exchange.onnx_generator import MORE
from translate.exchange.taken import Taken, write_run
from translate.inference import memory

RESNET = "networks.generator={name: resnet, width: 4, blocks: 1, norm: instance}"
UNET = "networks.generator={name: unet, levels: 3, width: 4, norm: %s}"


def make_run(folder: Path, preset: str, *settings: str) -> Path:
    """A run folder of a generator with random weights that say something."""
    config = load(preset, ["data.size=[16, 24]", *settings])
    torch.manual_seed(0)
    generators = build.generators(config)
    for layer in generators.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):  # as if it had been trained
            layer.running_mean = torch.randn_like(layer.running_mean) / 10
            layer.running_var = torch.rand_like(layer.running_var) + 0.5
    config.data.root = "/home/somebody/photos"
    write_run(Taken(config, generators.state_dict(), {"step": 7}), folder)
    return folder


def own_outputs(run: Path, to: str, *inputs: torch.Tensor) -> np.ndarray[Any, Any]:
    """What the generator of the run makes, without anything of this program's inference."""
    from translate.config import load_run

    generators = build.generators(load_run(run))
    generators.load_state_dict(torch.load(run / "checkpoints/step-00000000.pt", weights_only=True)["generator_ema"])
    with torch.no_grad():
        return generators.eval()[to](*inputs).numpy()


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_run(tmp_path_factory.mktemp("export") / "run", "cyclegan", RESNET)


@pytest.fixture(scope="module")
def onnx_file(run: Path) -> Path:
    for library in ("onnx", "onnxscript", "onnxruntime"):
        pytest.importorskip(library)
    path = run.with_name("photos.onnx")
    written = exporting.export(run, path, Domain.A)
    assert 0 < written.difference < 1e-5
    return path


def onnx_outputs(path: Path, **inputs: torch.Tensor) -> np.ndarray[Any, Any]:
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    made: np.ndarray[Any, Any] = session.run(None, {name: value.numpy() for name, value in inputs.items()})[0]
    return made


@pytest.mark.parametrize("shape", [(1, 3, 16, 16), (3, 3, 8, 52), (2, 3, 64, 36)])
def test_onnx_agrees_with_the_run_at_any_size_and_batch(run: Path, onnx_file: Path, shape: tuple[int, ...]) -> None:
    images = torch.rand(shape) * 2 - 1
    made, ours = onnx_outputs(onnx_file, image=images), own_outputs(run, "a", images)
    assert made.shape == ours.shape
    assert ours.std() > 1e-3
    assert np.abs(made - ours).max() < 1e-4


def test_onnx_says_what_it_takes_and_nothing_of_this_machine(onnx_file: Path) -> None:
    import onnxruntime

    told = onnxruntime.InferenceSession(str(onnx_file)).get_modelmeta().custom_metadata_map
    assert (told["from"], told["to"], told["stride"], told["step"]) == ("b", "a", "4", "7")
    assert (told["value_range"], told["licence"], told["channels_in"]) == ("-1 to 1", "unknown", "3")
    assert json.loads(told["smallest"]) == [8, 8]
    assert json.loads(told["training_size"]) == [16, 24]
    assert "somebody" not in "".join(told.values())


def test_onnx_translates_like_the_run_whatever_the_size(run: Path, onnx_file: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (37, 5, 3), dtype=np.uint8)
    made, ours = translate.load(onnx_file)(pixels), translate.load(run, to="a")(pixels)
    assert made.shape == ours.shape
    assert np.abs(made.astype(int) - ours.astype(int)).max() <= 1


def test_folder_is_translated_by_an_onnx_file_alone(onnx_file: Path, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for name, size in (("one.png", (20, 9)), ("two.jpg", (16, 33))):
        Image.new("RGB", size, "teal").save(tmp_path / "in" / name)
    alone = tmp_path / "elsewhere.onnx"
    alone.write_bytes(onnx_file.read_bytes())
    result = CliRunner().invoke(main, ["apply", str(alone), str(tmp_path / "in"), str(tmp_path / "out")])
    assert result.exit_code == 0, result.output
    for name, size in (("one.png", (20, 9)), ("two.jpg", (16, 33))):
        with Image.open(tmp_path / "out" / name) as made:
            assert made.size == size


def test_memory_that_an_onnx_file_hides_follows_from_that_of_the_run(run: Path, onnx_file: Path) -> None:
    there, ours = (memory.bytes_per_pixel(translate.load(path).model, Domain.A) for path in (onnx_file, run))
    assert there == MORE * ours > 30


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--tile", "64"], "goes whole"),
        (["--to", "b"], "makes no images of B"),
        (["--checkpoint", "best"], "one set of weights"),
        (["--device", "cuda"], "runs on the CPU"),
        (["--precision", "bf16"], "float32"),
        (["--samples", "2"], "one output"),
    ],
)
def test_what_an_onnx_file_can_not_do_is_said(onnx_file: Path, tmp_path: Path, options: list[str], said: str) -> None:
    Image.new("RGB", (16, 16)).save(tmp_path / "in.png")
    arguments = ["apply", str(onnx_file), str(tmp_path / "in.png"), str(tmp_path / "out.png"), *options]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 2
    assert said in result.output
    assert not (tmp_path / "out.png").exists()


def test_picture_too_large_for_memory_is_named_not_cut(
    onnx_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tiles of a network with instance norm would each have statistics of their own, and colours of their own."""
    (tmp_path / "in").mkdir()
    for name, size in (("small.png", (16, 16)), ("large.png", (200, 200))):
        Image.new("RGB", size).save(tmp_path / "in" / name)
    monkeypatch.setattr(memory, "whole_limit", lambda model, to: 100 * 100)
    result = CliRunner().invoke(main, ["apply", str(onnx_file), str(tmp_path / "in"), str(tmp_path / "out")])
    assert result.exit_code == 1
    assert "large.png" in result.output
    assert "can't be applied in tiles" in result.output
    assert [path.name for path in (tmp_path / "out").glob("*.png")] == ["small.png"]


def test_pt2_runs_in_torch_alone_and_is_applied_without_running_it(run: Path, tmp_path: Path) -> None:
    path = tmp_path / "photos.pt2"
    exporting.export(run, path)
    images = torch.rand(3, 3, 20, 12) * 2 - 1
    made = torch.export.load(path).module()(images).detach().numpy()
    assert np.abs(made - own_outputs(run, "b", images)).max() < 1e-4
    spoilt = tmp_path / "spoilt.pt2"  # everything but numbers and description is gone, and nobody misses it
    with zipfile.ZipFile(path) as whole, zipfile.ZipFile(spoilt, "w") as part:
        for name in whole.namelist():
            if "/weights/" in name or "/extra/" in name:
                part.writestr(name, whole.read(name))
    pixels = np.random.default_rng(0).integers(0, 256, (21, 18, 3), dtype=np.uint8)
    assert np.array_equal(translate.load(spoilt)(pixels), translate.load(run)(pixels))


def rewritten(source: Path, path: Path, ending: str, content: bytes, **how: int) -> None:
    """The archive with other bytes in the one file that ends so."""
    with zipfile.ZipFile(source) as whole, zipfile.ZipFile(path, "w", **how) as part:
        for name in whole.namelist():
            part.writestr(name, content if name.endswith(ending) else whole.read(name))


def test_damaged_pt2_is_refused_in_a_sentence(run: Path, tmp_path: Path) -> None:
    whole, path = tmp_path / "whole.pt2", tmp_path / "spoilt.pt2"
    exporting.export(run, whole)
    weights = [b"not JSON", b"[]", b"{}", b'{"config": []}', b'{"config": {"a": 1}}', b'{"config": {"a": null}}']
    for content in weights:
        rewritten(whole, path, pt2_file.INDEX, content)
        with pytest.raises(UserError, match="a form that is not known"):
            pt2_file.read(path)
    for ending in (f"/extra/{pt2_file.NAME}", pt2_file.INDEX):
        rewritten(whole, path, "none", b"", compression=zipfile.ZIP_DEFLATED)
        sound = path.read_bytes()
        with zipfile.ZipFile(path) as archive:
            (entry,) = (one for one in archive.infolist() if one.filename.endswith(ending))
        inside = entry.header_offset + 30 + len(entry.filename)
        path.write_bytes(sound[:inside] + b"\xff" * 20 + sound[inside + 20 :])  # no stream of zlib's
        with pytest.raises(UserError, match=r"can't be read as a \.pt2"):
            pt2_file.read(path)
        directory = sound.rindex(entry.filename.encode()) - 46
        path.write_bytes(sound[: directory + 10] + b"\x63" + sound[directory + 11 :])  # a method nobody has
        with pytest.raises(UserError, match=r"can't be read as a \.pt2"):
            pt2_file.read(path)


def test_full_disk_is_no_fault_of_the_graph(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for library in ("onnx", "onnxscript"):
        pytest.importorskip(library)

    def full(*given: object, **more: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(torch.onnx, "export", full)
    result = CliRunner().invoke(main, ["export", str(run), str(tmp_path / "photos.onnx")])
    assert result.exit_code == 2
    assert "No space left" in result.output
    assert "graph" not in result.output


def test_safetensors_hold_both_directions_and_are_applied(run: Path, tmp_path: Path) -> None:
    pytest.importorskip("safetensors")
    result = CliRunner().invoke(main, ["export", str(run), str(tmp_path / "photos.safetensors")])
    assert result.exit_code == 0, result.output
    pixels = np.random.default_rng(0).integers(0, 256, (21, 18, 3), dtype=np.uint8)
    for to in ("a", "b"):
        made = translate.load(tmp_path / "photos.safetensors", to=to)(pixels)
        assert np.array_equal(made, translate.load(run, to=to)(pixels))
    assert "somebody" not in (tmp_path / "photos.json").read_text()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["photos.json", "photos.safetensors"]


def test_weights_that_do_not_fit_their_description_are_refused(run: Path, tmp_path: Path) -> None:
    pytest.importorskip("safetensors")
    path = tmp_path / "photos.safetensors"
    exporting.export(run, path)
    told = json.loads(path.with_suffix(".json").read_text())
    told["config"]["networks"]["generator"]["width"] = 8
    path.with_suffix(".json").write_text(json.dumps(told))
    with pytest.raises(UserError, match="don't fit"):
        safe.read(path)
    path.with_suffix(".json").unlink()
    with pytest.raises(UserError, match="no configuration beside it"):
        safe.read(path)


@pytest.mark.parametrize("name", ["evil.module:Class", "my-evil:Net", "evil:\u00c9net", "\u00e9vil:Net", "1:2"])
@pytest.mark.parametrize("place", ["generator", "discriminator", "encoder", "term", "key", "metric", "transform"])
def test_description_from_elsewhere_chooses_no_code(place: str, name: str) -> None:
    """Whatever Python imports, whether or not it is a name in Python's grammar."""
    tree = json.loads(described.text(load("cyclegan", ["data.size=[16, 16]"]), {}))
    config = tree["config"]
    if place in ("generator", "discriminator", "encoder"):
        config["networks"][place] = {"name": name}
    elif place == "term":
        config["objective"]["cycle"]["term"] = name
    elif place == "key":
        config["objective"][name] = {"weight": 1}
    elif place == "metric":
        config["evaluation"]["metrics"] = [f"fid_{name}"]
    else:
        config["data"]["transforms"] = [{name: {}}]
    with pytest.raises(UserError, match=rf"names the class .*{name}"):
        described.parsed(json.dumps(tree), "photos.json")


def test_file_from_elsewhere_does_not_run_what_lies_in_the_folder(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("safetensors")
    path = tmp_path / "photos.safetensors"
    exporting.export(run, path)
    told = json.loads(path.with_suffix(".json").read_text())
    told["config"]["networks"]["generator"] = {"name": "my-evil:Net"}
    path.with_suffix(".json").write_text(json.dumps(told))
    (tmp_path / "my-evil.py").write_text(
        "open('ran', 'w').close()\nclass Net:\n    def __init__(self, i, o):\n        pass\n"
    )
    monkeypatch.chdir(tmp_path)
    Image.new("RGB", (16, 16)).save("in.png")
    result = CliRunner().invoke(main, ["apply", "photos.safetensors", "in.png", "out.png"])
    assert result.exit_code == 2
    assert "names the class" in result.output
    assert not (tmp_path / "ran").exists()


def test_places_that_a_description_names_are_forgotten() -> None:
    """Else `evaluate RUN` would fetch them from this machine's network."""
    tree = json.loads(described.text(load("cyclegan", ["data.size=[16, 16]"]), {}))
    tree["config"]["data"]["root"] = "http://169.254.169.254/latest"
    tree["config"]["training"]["start"] = "C:/Users/somebody/runs"
    tree["config"]["objective"]["perceptual"] = {"weight": 1, "weights": "/home/somebody/vgg.pth"}
    read, _ = described.parsed(json.dumps(tree), "photos.json")
    assert (read.data.root, read.training.start) == (None, None)
    assert read.objective["perceptual"].options["weights"] is None
    assert read.objective["cycle"] == load("cyclegan").objective["cycle"]


def test_names_of_classes_of_images_may_hold_a_colon() -> None:
    config = load("biggan", ["networks.classes=['cat: black', dog]"])
    assert described.parsed(described.text(config, {}), "x.json")[0].networks.classes == ["cat: black", "dog"]


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"library": "translate", "format": 9, "config": {}}', "\xff"])
def test_description_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(UserError, match=r"x\.json"):
        described.parsed(text, "x.json")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("step", '"x"'),
        ("step", "null"),
        ("step", "-1"),
        ("step", "true"),
        ("assumed", "5"),
        ("more", "[" * 400 + "]" * 400),
        ("more", "[" * 200_000),
    ],
)
def test_description_that_makes_no_sense_is_refused(key: str, value: str) -> None:
    sound = described.text(load("smoke"), {})
    with pytest.raises(UserError, match=r"x\.json"):
        described.parsed(sound.replace("{", f'{{"{key}": {value},', 1), "x.json")


@pytest.mark.parametrize(
    ("name", "said"), [("photos.onx", 'Did you mean ".onnx"'), ("photos", "no ending"), ("there.onnx", "overwritten")]
)
def test_wrong_file_is_refused_before_anything_is_done(run: Path, tmp_path: Path, name: str, said: str) -> None:
    (tmp_path / "there.onnx").write_text("mine")
    result = CliRunner().invoke(main, ["export", str(run), str(tmp_path / name)])
    assert result.exit_code == 2
    assert said in result.output
    assert (tmp_path / "there.onnx").read_text() == "mine"
    assert len(list(tmp_path.iterdir())) == 1


def test_file_that_disagrees_is_not_kept(
    run: Path, onnx_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The planted fault: the generator of the other direction is written."""
    from translate.exchange import onnx_file as module

    monkeypatch.setattr(module, "write", lambda *given: given[-1].write_bytes(onnx_file.read_bytes()))
    with pytest.raises(UserError, match="differs from the run"):
        exporting.export(run, tmp_path / "photos.onnx", Domain.B)
    assert not list(tmp_path.iterdir())


def test_check_notices_lost_values_and_other_shapes(run: Path) -> None:
    from translate.exchange import graph, outgoing

    taken = outgoing.one_way(outgoing.of_run(run), Domain.B, "run")
    generator = outgoing.generator(taken)
    takes = graph.signature(taken.config, generator, Domain.B)
    shapes = list(agreement.shapes(takes, 1))
    assert len({rows for rows, _, _ in shapes}) > 1
    assert any(height != width for _, height, width in shapes[1:])
    for wrong in (lambda x: generator(x) * float("nan"), lambda x: generator(x)[..., 1:]):
        with pytest.raises(UserError, match="there is none"):
            agreement.largest_difference(generator, wrong, takes, 1, Path("x.onnx"))
    assert agreement.largest_difference(generator, generator, takes, 1, Path("x.onnx")) == 0


def test_missing_library_is_said_in_one_sentence(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def none(module: str) -> None:
        raise ModuleNotFoundError(name=module)

    monkeypatch.setattr(extras, "import_module", none)
    (tmp_path / "other.onnx").write_bytes(b"")
    for arguments in (
        ["export", str(run), str(tmp_path / "photos.onnx")],
        ["apply", str(tmp_path / "other.onnx"), "in.png", "out.png"],
    ):
        result = CliRunner().invoke(main, arguments)
        assert result.exit_code == 2
        assert "translate-gan[onnx]" in result.output


def test_files_of_others_are_named(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    (tmp_path / "x.onnx").write_text("text")
    (tmp_path / "x.pt2").write_text("text")
    for name, said in (("x.onnx", "ONNX"), ("x.pt2", ".pt2"), ("gone.onnx", "no such file")):
        with pytest.raises(UserError, match=said):
            opening.config_of(tmp_path / name)


def test_classes_of_ones_own_do_not_go_into_safetensors(run: Path, tmp_path: Path) -> None:
    pytest.importorskip("safetensors")
    from translate.exchange import outgoing

    taken = outgoing.of_run(run)
    config = taken.config.model_copy(deep=True)
    config.objective["mine"] = config.objective["cycle"].model_copy(update={"term": "my_package.module:Term"})
    safe.write(replace(taken, config=config), tmp_path / "a.safetensors")  # a generator needs no terms
    assert safe.read(tmp_path / "a.safetensors").config.objective == {}
    for name in ("my_package.module:Mine", "my-package:Mine", "m:\u00c9"):
        config.networks.generator.name = name
        with pytest.raises(UserError, match=f'needs the class "{name}"'):
            safe.write(replace(taken, config=config), tmp_path / "b.safetensors")
        assert not (tmp_path / "b.safetensors").exists()


VARIANTS = {
    "resize": ("cyclegan", "networks.generator={name: resnet, width: 4, blocks: 1, upsample: resize}"),
    "antialias": ("cut", "networks.generator={name: resnet, width: 4, blocks: 1, antialias: true}"),
    "unet-batch": ("pix2pix", "networks.generator={name: unet, levels: 3, width: 4}"),
    "unet-instance": ("pix2pix", UNET % "instance"),
    "unet-group": ("pix2pix", UNET % "group"),
    "unet-one-stride": ("pix2pix", "networks.generator={name: unet, levels: 4, width: 4}", "data.size=[16, 16]"),
    "fast": ("fast", "networks.generator={name: fast, width: 8, blocks: 1, detail: 4}"),
    "maps": ("bicyclegan", UNET % "instance"),
    "bottleneck": ("bicyclegan", UNET % "instance", "networks.latent.enter=bottleneck"),
    "add": ("bicyclegan", RESNET, "networks.latent.enter=add"),
    "norm": ("bicyclegan", RESNET, "networks.latent.enter=norm"),
    **{
        name: (name, "networks.generator.width=4", "networks.latent.dimension=8")
        for name in ("dcgan", "sngan", "stylegan2", "r3gan")
    },
    "biggan": ("biggan", "networks.generator.width=4", "networks.classes=[cat, dog]"),
}


def test_generator_whose_path_depends_on_values_is_refused_in_a_sentence(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", "progan", "networks.generator.width=4", "networks.latent.dimension=8")
    with pytest.raises(UserError, match=r"can't be written as a graph(.|\n)*try: FILE\.safetensors"):
        exporting.export(run, tmp_path / "made.pt2")
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


@pytest.mark.slow
@pytest.mark.parametrize("ending", ["onnx", "pt2"])
@pytest.mark.parametrize("variant", VARIANTS)
def test_every_generator_is_exported(variant: str, ending: str, tmp_path: Path) -> None:
    for library in ("onnx", "onnxscript", "onnxruntime"):
        pytest.importorskip(library)
    preset, *settings = VARIANTS[variant]
    run = make_run(tmp_path / "run", preset, *settings)
    path = tmp_path / f"made.{ending}"
    assert exporting.export(run, path).difference < 1e-4
    here, there = translate.load(run), translate.load(path)
    if here.model.unconditional:
        if not here.model.classes:
            assert np.abs(here.sample(3).astype(int) - there.sample(3).astype(int)).max() <= 1
        return
    pixels = np.random.default_rng(0).integers(0, 256, (21, 39, 3), dtype=np.uint8)
    made = there(pixels, seed=3)
    assert np.abs(here(pixels, seed=3).astype(int) - made.astype(int)).max() <= 1
    if here.model.stochastic:
        assert not np.array_equal(made, there(pixels, seed=4))


def test_a_file_is_sampled_as_its_run_is(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", "dcgan", "networks.generator.width=4", "networks.discriminator.width=4")
    exporting.export(run, tmp_path / "made.safetensors")
    for source, out in ((run, "one"), (tmp_path / "made.safetensors", "two")):
        said = CliRunner().invoke(main, ["sample", str(source), str(tmp_path / out), "--count", "2", "--seed", "3"])
        assert said.exit_code == 0, said.output
    for name in ("00000.png", "00001.png"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    refused = CliRunner().invoke(
        main, ["sample", str(tmp_path / "made.safetensors"), str(tmp_path / "x"), "--refine", "2"]
    )
    assert refused.exit_code == 2
    assert "holds no discriminator" in refused.output
