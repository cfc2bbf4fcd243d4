"""Every key is checked, the nearest known name is said, nothing heavy is imported for it."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from translate import config
from translate.config import Config, parse
from translate.errors import UserError


def refused(text: str, *settings: str) -> str:
    with pytest.raises(UserError) as caught:
        parse(text, settings, where="mine.yaml")
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "where", "nearest"),
    [
        ("trainig: {}", "trainig", "training"),
        ("training: {bach: 2}", "training.bach", "batch"),
        ("data: {chanels: {a: 1}}", "data.chanels", "channels"),
        ("networks: {generatr: {name: unet}}", "networks.generatr", "generator"),
        ("networks: {generator: {name: rsnet}}", "networks.generator", "resnet"),
        ("networks: {discriminator: {name: patchgn}}", "networks.discriminator", "patchgan"),
        ("networks: {generator: {name: resnet, block: 6}}", "networks.generator.block", "blocks"),
        ("networks: {generator: {name: unet, norm: bach}}", "networks.generator.norm", "batch"),
        ("objective: {cycel: {weight: 10}}", "objective.cycel", "cycle"),
        ("objective: {mine: {term: cylce}}", "objective.mine", "cycle"),
        ("objective: {adversarial: {gaem: hinge}}", "objective.adversarial.gaem", "game"),
        ("objective: {adversarial: {game: hing}}", "objective.adversarial.game", "hinge"),
        ("log: {evry: 3}", "log.evry", "every"),
        ("data: {transforms: [HorizontalFlop]}", "data.transforms[0]", "HorizontalFlip"),
        ("data: {input_transforms: [{GausNoise: {}}]}", "data.input_transforms[0]", "GaussNoise"),
        ("data: {transforms: [{RandomCrop: {heigth: 8, width: 8}}]}", "data.transforms[0].RandomCrop", "height"),
        ("data: {transforms: [{OneOf: {transforms: [VerticalFlp]}}]}", "data.transforms[0].OneOf[0]", "VerticalFlip"),
        ("augment: [RandomAffin]", "augment[0]", "RandomAffine"),
        ("augment: [{RandomAffine: {degres: 3}}]", "augment[0].RandomAffine", "degrees"),
    ],
)
def test_an_unknown_name_is_refused_where_it_stands_with_the_nearest(text: str, where: str, nearest: str) -> None:
    message = refused(text)
    assert message.startswith(f"mine.yaml: {where}: ")
    assert f'Did you mean "{nearest}"?' in message


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("training: {batch: three}", "training.batch"),
        ("training: {batch: 0}", "training.batch"),
        ("training: {batch: 2.5}", "training.batch"),
        ("training: {betas: [0.5]}", "training.betas"),
        ("training: {schedule: often}", "training.schedule"),
        ("training: {ema: 1}", "training.ema"),
        ("training: [1]", "training"),
        ("training:", "training"),
        ("training: {seed: -1}", "training.seed"),
        ("training: {seed: 99999999999999999999}", "training.seed"),
        ("training: {batch: 2, accumulate: 4}", "training"),
        ("data: {size: 64}", "data.size"),
        ("data: {size: [0, 64]}", "data.size"),
        ("data: {load_size: [-8, 64]}", "data.load_size"),
        ("data: {pairs: -3}", "data.pairs"),
        ("data: {pairs: stems}", "data.pairs"),
        ("data: {channels: {a: 2}}", "data.channels.a"),
        ("data: {paired_share: 1.5}", "data.paired_share"),
        ("data: {transforms: [{HorizontalFlip: 0.5}]}", "data.transforms[0].HorizontalFlip"),
        ("data: {transforms: HorizontalFlip}", "data.transforms"),
        ("augment: [3]", "augment"),
        ("produce: []", "produce"),
        ("produce: [c]", "produce"),
        ("produce: [b, b]", "produce"),
        ("objective: {cycle: {weight: heavy}}", "objective.cycle.weight"),
        ("objective: {cycle: {weight: []}}", "objective.cycle.weight"),
        ("objective: {cycle: {weight: [[0, 1, 2]]}}", "objective.cycle.weight"),
        ("networks: {generator: {name: resnet, blocks: many}}", "networks.generator.blocks"),
        ("networks: {latent: 0}", "networks.latent"),
        ("networks: {latent: {limit: 3}}", "networks.latent"),
        ("judging: {probability: adaptive}", "judging"),
        ("judging: {transforms: [RandomHorizontalFlip], target: 0.5}", "judging"),
        ("judging: {transforms: [RandomHorizontalFlip], speed: 1000}", "judging"),
        ('objective: {"my.term": {term: cycle}}', "objective"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_by_its_key(text: str, where: str) -> None:
    assert refused(text).startswith(f"mine.yaml: {where}")


@pytest.mark.parametrize(
    ("setting", "key"),
    [
        ("training: {discriminator_steps: 5}", "training.discriminator_steps"),
        ("training: {discriminator_learning_rate: 0.1}", "training.discriminator_learning_rate"),
        ("training: {weight_clip: 0.1}", "training.weight_clip"),
        ("judging: {noise: 0.1}", "judging"),
    ],
)
def test_what_only_a_discriminator_heeds_is_refused_without_one(setting: str, key: str) -> None:
    assert f"`{key}` is set, and there is no discriminator" in refused(f"networks: {{discriminator: null}}\n{setting}")


def test_a_latent_given_by_its_dimension_can_be_told_more() -> None:
    made = parse("{networks: {latent: 8}, produce: [b]}", ["networks.latent.prior=uniform"], where="x").networks.latent
    assert made is not None
    assert (made.dimension, made.prior) == (8, "uniform")


def test_a_number_for_a_latent_leaves_the_rest_as_it_was() -> None:
    text = "{networks: {latent: {dimension: 8, prior: uniform}}, produce: [b]}"
    made = parse(text, ["networks.latent=16"], where="x").networks.latent
    assert made is not None
    assert (made.dimension, made.prior) == (16, "uniform")


def test_an_option_of_what_is_null_is_refused_as_that() -> None:
    with pytest.raises(UserError, match=r"networks\.discriminator is null"):
        parse("networks: {discriminator: null}", ["networks.discriminator.width=8"], where="x")


def test_a_latent_makes_b_only() -> None:
    assert "produce: [b]" in refused("{networks: {latent: 8}, produce: [b, a]}")
    assert parse("{networks: {latent: 8}, produce: [b]}", where="x").networks.latent.dimension == 8


@pytest.mark.parametrize(
    "text", ["a: [1", "[1, 2]", "[]", "false", "just words", "a: !!python/object/apply:os.getcwd []", "{1: 2}"]
)
def test_what_is_no_mapping_of_keys_is_refused(text: str) -> None:
    assert refused(text).startswith("mine.yaml")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("training:\n  batch: 4\n  batch: 5", 'mine.yaml:3: "batch" is there already, in line 2'),
        ("training: {batch: 4}\n'training': {}", 'mine.yaml:2: "training" is there already, in line 1'),
        ("objective:\n  cycle: {weight: 1,\n    weight: 1}", 'mine.yaml:3: "weight" is there already, in line 2'),
        ("augment: [{RandomAffine: {degrees: 3, degrees: 4}}]", 'mine.yaml:1: "degrees" is there already, in line 1'),
    ],
)
def test_a_key_that_is_there_already_is_refused(text: str, said: str) -> None:
    assert refused(text) == said


def test_merged_keys_may_be_said_again() -> None:
    text = "objective: {cycle: &all {weight: 3, every: 2}, identity: &some {<<: *all, weight: 5}, adversarial: *all}"
    made = parse(text.replace("*all}", "{<<: *some, every: 4}}"), where="x").objective
    assert {key: (term.weight, term.every) for key, term in made.items()} == {
        "cycle": (3, 2),
        "identity": (5, 2),
        "adversarial": (5, 4),
    }


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("training:\n  steps: a: b", "mine.yaml:2:11: is not YAML: mapping values are not allowed here"),
        ("training:\n\tbatch: 4", r"mine.yaml:2:1: is not YAML: found character '\t' that cannot start any token"),
        (
            "produce: [a\ntraining: {}",
            "mine.yaml:2:9: is not YAML: expected ',' or ']', but got ':', in what begins in line 1",
        ),
        ("produce: [a", "mine.yaml:1:12: is not YAML: expected ',' or ']', but got the end of the file"),
        ("data: {root: 2024-13-45}", "mine.yaml: is not YAML: month must be in 1..12"),
        ("data: \x01", "mine.yaml: is not YAML: special characters are not allowed"),
    ],
)
def test_what_is_no_yaml_is_said_in_one_sentence_and_where_it_stands(text: str, said: str) -> None:
    first, second = refused(text).splitlines()
    assert first == said
    assert second.startswith("  try: ")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("training: 4", "training: Input should be a section with keys (steps, minutes ...), found 4"),
        ("training:", "training: Input should be a section with keys (steps, minutes ...), found null"),
        ("data: {channels: 4}", "data.channels: Input should be a section with keys (a, b), found 4"),
        ("networks: {generator: [1]}", "networks.generator: Input should be a name or a section with keys (name ...)"),
        ("data: {size: 32}", "data.size: Input should be two numbers, such as [32, 32], found 32"),
        ("data: {size: [32]}", "data.size: Input should be two numbers, such as [256, 256], found [32]"),
        ("training: {betas: 1}", "training.betas: Input should be two numbers, such as [0.5, 0.999], found 1"),
        ("training: {steps: 1e3}", "training.steps: Input should be a whole number such as 1000, found 1e3"),
        ("training: {steps: null}", "training.steps: Input should be a whole number such as 1000, found null"),
        ("training: {batch: 1e3}", "training.batch: Input should be a whole number greater than 0, or auto, not"),
        ("training: {batch: -1}", "training.batch: Input should be greater than 0, or auto"),
        ("data: {transforms: [3]}", "data.transforms: Input should be text, or a section with keys, found 3"),
        (
            "objective: {cycle: {weight: heavy}}",
            "objective.cycle.weight: Input should be a number, or a list in [brackets], found heavy",
        ),
    ],
)
def test_what_was_expected_is_said_in_plain_words(text: str, said: str) -> None:
    assert refused(text).startswith(f"mine.yaml: {said}")


@pytest.mark.parametrize("text", ["training: {batch: 4}", "{}"])
@pytest.mark.parametrize(
    "key", ["training.batch", "data.size", "networks.latent.prior", "networks.generator.name", "objective.cycle.weight"]
)
def test_a_value_has_no_keys_below_it(key: str, text: str) -> None:
    assert refused(text, f"{key}.x=4") == (
        f'--set {key}.x: {key} holds a value and has no key "x"\n  expected: {key}=VALUE'
    )


def test_a_section_that_holds_a_value_takes_no_setting() -> None:
    assert "--set training.batch: training is 4, so there is nothing to change" in refused(
        "training: 4", "training.batch=4"
    )


def test_settings_reach_every_level() -> None:
    made = parse(
        "{networks: {generator: {name: unet, levels: 5}}, objective: {adversarial: {weight: 1}}}",
        [
            "training.batch=4",
            "data.channels.a=1",
            "data.size=[32, 64]",
            "networks.generator.levels=3",
            "networks.discriminator.width=8",
            "networks.discriminator.name=pixel",
            "objective.adversarial.game=hinge",
            "objective.supervised.weight=[[0, 1], [0.5, 0]]",
            "training.minutes=null",
            "produce=[b]",
        ],
        where="x",
    )
    assert made.training.batch == 4
    assert (made.data.channels.a, made.data.channels.b) == (1, 3)
    assert made.data.size == (32, 64)
    assert made.networks.generator.options["levels"] == 3
    assert (made.networks.discriminator.name, made.networks.discriminator.options["width"]) == ("pixel", 8)
    assert made.objective["adversarial"].options["game"] == "hinge"
    assert made.objective["supervised"].weight == [(0, 1), (0.5, 0)]
    assert made.training.minutes is None


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("training.batch", "KEY=VALUE"),
        ("=3", "KEY=VALUE"),
        ("training.bach=3", 'Did you mean "batch"'),
        ("training.batch=three", "training.batch"),
        ("training.batch=[1", "training.batch"),
        ("training..batch=1", "training"),
        ("networks.generator.widht=8", 'Did you mean "width"'),
        ("objective.cycle.weigth=8", "objective.cycle.weigth"),
    ],
)
def test_a_setting_that_does_not_fit_is_refused(setting: str, words: str) -> None:
    assert words in refused("networks: {generator: {name: resnet}}", setting)


def test_every_default_is_written_out_and_reads_back_equal() -> None:
    text = (
        "{networks: {generator: {name: unet}}, objective: {again: {term: cycle, weight: [[0, 1], [1, 0.5]]},"
        " adversarial: {}}, data: {transforms: [HorizontalFlip, {RandomCrop: {height: 8, width: 8}}]}}"
    )
    made = parse(text, where="x")
    written = yaml.safe_load(made.to_yaml())
    assert {"levels", "width", "norm", "dropout", "upsample"} < set(written["networks"]["generator"])
    assert {"game", "pool", "weight"} < set(written["objective"]["adversarial"])
    assert parse(made.to_yaml(), where="x") == made


def test_a_class_of_ones_own_joins_without_being_in_a_table() -> None:
    made = parse(
        "{networks: {generator: {name: 'translate.networks.unet:UnetGenerator', levels: 3}},"
        " objective: {own: {term: 'translate.terms.cycle:Cycle', weight: 2}}}",
        where="x",
    )
    assert made.networks.generator.options["levels"] == 3
    assert made.objective["own"].term == "translate.terms.cycle:Cycle"
    assert 'Did you mean "levels"' in refused(
        "networks: {generator: {name: 'translate.networks.unet:UnetGenerator', level: 3}}"
    )


def test_transforms_within_transforms_are_written_either_way() -> None:
    for inner in ("[HorizontalFlip, VerticalFlip]", "{transforms: [HorizontalFlip, VerticalFlip], p: 1}"):
        parse(f"data: {{transforms: [{{OneOf: {inner}}}]}}", where="x")
    assert 'Did you mean "VerticalFlip"' in refused("data: {transforms: [{OneOf: [HorizontalFlip, VerticalFlp]}]}")


def test_a_file_that_is_no_text_and_a_file_that_is_not_there(tmp_path: Path) -> None:
    picture = tmp_path / "picture.yaml"
    picture.write_bytes(bytes(range(256)))
    for source, words in (
        (str(picture), "picture.yaml"),
        (str(tmp_path / "gone.yaml"), "configuration file"),
        (str(tmp_path), str(tmp_path)),
        ("cyclgan", 'Did you mean "cyclegan"'),
    ):
        with pytest.raises(UserError, match=words):
            config.load(source)


def test_a_file_of_ones_own_is_loaded_and_changed(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("training: {batch: 2}\n")
    made = config.load(str(tmp_path / "mine.yaml"), ["training.seed=7"])
    assert (made.training.batch, made.training.seed) == (2, 7)
    with pytest.raises(UserError, match="is not a run folder"):
        config.load_run(tmp_path)


def test_an_empty_file_is_the_default() -> None:
    made = parse("", where="x")
    assert (made.data, made.training) == (Config().data, Config().training)


HEAVY = ("torch", "torchvision", "albumentations", "kornia", "matplotlib", "cv2", "tensorboard")

LIGHT = """
import sys
from click.testing import CliRunner
from translate.cli import main
empty = sys.argv[1]
for argv, code in (
    (["--help"], 0), (["train", "--help"], 0), (["presets"], 0), (["show", "cyclegan"], 0), (["data", "list"], 0),
    (["show", "cyclgan"], 2), (["show", "smoke", "--set", "training.bach=2"], 2),
    (["show", "smoke", "--set", "networks.generator.widht=8"], 2),
    (["show", "smoke", "--set", "objective.adversarial.game=hing"], 2),
    (["show", "smoke", "--set", "data.transforms=[HorizontalFlop]"], 2),
    (["show", "smoke", "--set", "augment=[{RandomAffine: {degres: 1}}]"], 2),
    (["train", "smoke", "--data", empty, "--out", empty + "/run"], 2),
    (["train", "smok", "--data", empty, "--out", empty + "/run"], 2),
    (["train", "--data", empty + "/no", "--out", empty + "/run"], 2),
    (["check", empty], 2), (["trian"], 2),
):
    result = CliRunner().invoke(main, argv)
    loaded = [name for name in %r if name in sys.modules]
    if result.exit_code != code or loaded:
        print(argv, "exit code", result.exit_code, "wanted", code, "loaded", loaded, result.output, result.exception)
"""


def test_help_and_configuration_errors_import_nothing_heavy(tmp_path: Path) -> None:
    script = LIGHT % (HEAVY,)
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.stdout + done.stderr == ""


def test_a_network_may_be_given_by_its_name_alone() -> None:
    made = config.parse("networks: {generator: unet}", where="here")
    assert (
        made.networks.generator == config.parse("networks: {generator: {name: unet}}", where="here").networks.generator
    )


def test_a_size_that_is_set_takes_load_size_and_crop_along() -> None:
    made = config.load("cyclegan", ["data.size=[64, 128]"])
    assert made.data.load_size == (72, 143)  # 286 / 256 of each side
    assert made.data.transforms[0] == {"RandomCrop": {"height": 64, "width": 128}}
    own = config.load("cyclegan", ["data.load_size=[80, 80]", "data.size=[64, 64]", "data.transforms=[HorizontalFlip]"])
    assert (own.data.load_size, own.data.transforms) == ((80, 80), ["HorizontalFlip"])


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("data.size", "sets nothing"),
        ("data.sise=[32,32]", 'Did you mean "size"'),
        ("batch=3", 'Did you mean "training.batch"'),
        ("trainin.batch=3", 'Did you mean "training"'),
    ],
)
def test_settings_are_checked_before_anything_else(setting: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        config.check_settings(["training.steps=3", setting])
    config.check_settings(["networks.generator.anything=1", "objective.mine.weight=2", "data.channels.a=1"])
