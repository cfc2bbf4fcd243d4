"""Networks by short name; a configuration may also name a class of its own as "my_package.module:Class"."""

GENERATORS: dict[str, str] = {
    "resnet": "translate.networks.resnet:ResnetGenerator",
    "unet": "translate.networks.unet:UnetGenerator",
    "fast": "translate.networks.fast:FastGenerator",
    "dcgan": "translate.networks.dcgan:DcganGenerator",
}

DISCRIMINATORS: dict[str, str] = {
    "patchgan": "translate.networks.patchgan:PatchDiscriminator",
    "multiscale": "translate.networks.multiscale:MultiscaleDiscriminator",
    "pixel": "translate.networks.pixel:PixelDiscriminator",
    "dcgan": "translate.networks.dcgan:DcganDiscriminator",
}
