"""What the schema allows is what the program takes: every preset, and none of the planted mistakes."""

from typing import Any

import pytest
import yaml

from translate import config, schema
from translate.errors import UserError

jsonschema = pytest.importorskip("jsonschema")


@pytest.fixture(scope="module")
def validator() -> Any:
    made = schema.build()
    jsonschema.Draft202012Validator.check_schema(made)
    return jsonschema.Draft202012Validator(made)


@pytest.mark.parametrize("name", config.presets())
def test_presets_are_valid_as_written_and_resolved(name: str, validator: Any) -> None:
    text = config.presets()[name].read_text(encoding="utf-8")
    for tree in (yaml.safe_load(text), config.load(name).model_dump(mode="json")):
        assert [error.message for error in validator.iter_errors(tree)] == []


VALID = [
    "",
    "# nothing but a comment",
    "{}",
    "networks: {generator: unet, latent: 64}",
    'networks: {generator: "my_package.module:Class"}',
    'networks: {generator: {name: "my_package.module:Class", anything: 3}}',
    "networks: {discriminator: null, latent: null}",
    'objective: {mine: {term: "my_package.module:Class", anything: [3]}}',
    "objective: {r1: {term: gradient_penalty, at: real, weight: [[0, 1], [1, 0.5]]}}",
    "objective: {cycle: {term: adversarial, game: hinge}}",
    "training: {batch: auto}",
    "data: {cache: off, transforms: [HorizontalFlip, {OneOf: [VerticalFlip]}], pairs: stem}",
    "augment: [{RandomAffine: {degrees: 3}}]",
    "evaluation: {metrics: [l1, kid_dino, swd_32]}",
]


@pytest.mark.parametrize("text", VALID)
def test_short_forms_and_own_classes_are_valid(text: str, validator: Any) -> None:
    assert [error.message for error in validator.iter_errors(yaml.safe_load(text))] == []


MISTAKES = [
    ("[]", ""),
    ("false", ""),
    ("trainig: {}", ""),
    ("training: {bach: 2}", "training"),
    ("training: {batch: 0}", "training.batch"),
    ("training: {batch: automatic}", "training.batch"),
    ("training: {schedule: often}", "training.schedule"),
    ("networks: {generator: rsnet}", "networks.generator"),
    ("networks: {generator: {name: resnet, block: 6}}", "networks.generator"),
    ("networks: {generator: {name: unet, norm: bach}}", "networks.generator"),
    ("networks: {generator: {width: 8}}", "networks.generator"),
    ("networks: {generator: null}", "networks.generator"),
    ("networks: {discriminator: {name: unet}}", "networks.discriminator"),
    ("networks: {latent: 0}", "networks.latent"),
    ("objective: {cycel: {weight: 10}}", "objective.cycel"),
    ("objective: {mine: {term: cylce}}", "objective.mine"),
    ("objective: {cycle: {game: hinge}}", "objective.cycle"),
    ("objective: {cycle: {term: adversarial, gaem: hinge}}", "objective.cycle"),
    ("objective: {adversarial: {game: hing}}", "objective.adversarial"),
    ("objective: {cycle: {weight: heavy}}", "objective.cycle"),
    ("data: {transforms: [HorizontalFlop]}", "data.transforms.0"),
    ("data: {transforms: [{RandomCrop: {heigth: 8}}]}", "data.transforms.0"),
    ("data: {size: [64]}", "data.size"),
    ("augment: [RandomAffin]", "augment.0"),
    ("evaluation: {metrics: [l3]}", "evaluation.metrics"),
    ("produce: [c]", "produce.0"),
]


@pytest.mark.parametrize(("text", "where"), MISTAKES)
def test_mistakes_are_underlined_where_they_stand(text: str, where: str, validator: Any) -> None:
    found = [".".join(map(str, error.absolute_path)) for error in validator.iter_errors(yaml.safe_load(text))]
    assert found
    assert any(place.startswith(where) for place in found), found
    with pytest.raises(UserError):  # the program says the same
        config.parse(text, where="mine.yaml")


def test_options_have_types_and_defaults_for_completion(validator: Any) -> None:
    generator = validator.schema["$defs"]["Generator"]["anyOf"][1]
    names = generator["properties"]["name"]["anyOf"][0]["enum"]
    options = generator["allOf"][names.index("unet")]["then"]["properties"]
    assert set(options["norm"]["enum"]) == {"instance", "batch", "group", "none"}
    assert options["levels"] == {"type": "integer", "default": 8}
