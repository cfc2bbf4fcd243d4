"""Each preset so small that a step takes milliseconds, and the dataset that it is for."""

SMALL = [
    "data.size=[16, 16]",
    "data.load_size=[18, 18]",
    "data.transforms=[{RandomCrop: {height: 16, width: 16}}, HorizontalFlip]",
    "training.batch=2",
    "training.steps=4",
    "training.ema=0.9",
    "training.precision=fp32",
    "log={every: 1, preview_every: 100}",
]
RESNET = "networks.generator={name: resnet, width: 4, blocks: 2, norm: instance}"
PATCH = "networks.discriminator={name: patchgan, layers: 1, width: 4}"
NCE = [f"objective.patch_nce.{key}" for key in ("layers=[0, 4, 8]", "patches=8", "dim=4")]
UNET = "networks.generator={name: unet, levels: 3, width: 4, norm: instance}"
ENCODER = "networks.encoder={name: resnet, width: 4, norm: batch}"
DRAWING = [
    "networks.generator.width=4",
    "networks.discriminator.width=4",
    "networks.latent.dimension=8",
    "data.transforms=[HorizontalFlip]",
    "data.load_size=null",
    "training.batch=4",
]
ADA = ["judging={transforms: [{RandomAffine: {degrees: 10}}], probability: adaptive, speed: 8, noise: 0.1}"]
PRESETS = {
    "cyclegan": ("unpaired", [RESNET, PATCH, "objective.adversarial.pool=3"]),
    "semi": ("semi", [RESNET, PATCH, "objective.adversarial.pool=3"]),
    "pix2pix": ("paired", [PATCH, "networks.generator.levels=3", "networks.generator.width=4"]),
    "cut": ("unpaired", [RESNET, PATCH, *NCE]),
    "fastcut": ("unpaired", [RESNET, PATCH, *NCE]),
    "fast": ("unpaired", [PATCH, "networks.generator={name: fast, width: 8, blocks: 1, detail: 4}"]),
    "smoke": ("unpaired", ["augment=[{RandomAffine: {degrees: 10, p: 1}}]", "training.accumulate=2"]),
    "bicyclegan": ("paired", [UNET, "networks.discriminator.width=4", "networks.discriminator.layers=1", ENCODER]),
    "modeseeking": ("paired", [UNET, PATCH]),
    "dcgan": ("single", [*DRAWING, "training.accumulate=2"]),
    "wgan": ("single", DRAWING),
    "wgan-gp": ("single", DRAWING),
    "fgan": ("single", DRAWING),
    "sngan": ("single", DRAWING),
    "progan": ("single", [*DRAWING, "networks.generator.most=8", "networks.discriminator.most=8"]),
    "stylegan2": ("single", [*DRAWING, "networks.generator.most=8", "networks.discriminator.most=8", *ADA]),
    "r3gan": ("single", [*DRAWING, "networks.generator.group=4", "networks.discriminator.group=4"]),
    "vae": ("single", [*DRAWING[:1], *DRAWING[2:], ENCODER]),
    "biggan": ("zoo", DRAWING),
}  # fmt: skip
"""By preset: the fixture of its data, and settings."""
