"""Networks by short name; a configuration may also name a class of its own as "my_package.module:Class"."""

GENERATORS: dict[str, str] = {
    "resnet": "translate.networks.resnet:ResnetGenerator",
    "unet": "translate.networks.unet:UnetGenerator",
    "fast": "translate.networks.fast:FastGenerator",
    "dcgan": "translate.networks.dcgan:DcganGenerator",
    "progan": "translate.networks.progan:ProganGenerator",
    "stylegan2": "translate.networks.stylegan2:Stylegan2Generator",
    "r3gan": "translate.networks.r3gan:R3ganGenerator",
    "sngan": "translate.networks.sngan:SnganGenerator",
    "biggan": "translate.networks.biggan:BigganGenerator",
}

DISCRIMINATORS: dict[str, str] = {
    "patchgan": "translate.networks.patchgan:PatchDiscriminator",
    "multiscale": "translate.networks.multiscale:MultiscaleDiscriminator",
    "pixel": "translate.networks.pixel:PixelDiscriminator",
    "dcgan": "translate.networks.dcgan:DcganDiscriminator",
    "progan": "translate.networks.progan:ProganDiscriminator",
    "stylegan2": "translate.networks.stylegan2:Stylegan2Discriminator",
    "r3gan": "translate.networks.r3gan:R3ganDiscriminator",
    "sngan": "translate.networks.sngan:SnganDiscriminator",
    "biggan": "translate.networks.biggan:BigganDiscriminator",
}

ENCODERS: dict[str, str] = {
    "resnet": "translate.networks.encoder:ResnetEncoder",
}
