"""Terms by short name; a configuration may also name a class of its own as "my_package.module:Class"."""

TABLE: dict[str, str] = {
    "adversarial": "translate.terms.adversarial:Adversarial",
    "cycle": "translate.terms.cycle:Cycle",
    "identity": "translate.terms.identity:Identity",
    "supervised": "translate.terms.supervised:Supervised",
    "perceptual": "translate.terms.perceptual:Perceptual",
    "feature_matching": "translate.terms.feature_matching:FeatureMatching",
    "patch_nce": "translate.terms.patch_nce:PatchNCE",
    "gradient_penalty": "translate.terms.gradient_penalty:GradientPenalty",
    "feature_means": "translate.terms.feature_means:FeatureMeans",
    "path_length": "translate.terms.path_length:PathLength",
    "orthogonal": "translate.terms.orthogonal:Orthogonal",
    "reconstruction": "translate.terms.reconstruction:Reconstruction",
    "kl": "translate.terms.kl:KL",
    "latent_recovery": "translate.terms.latent_recovery:LatentRecovery",
    "mode_seeking": "translate.terms.mode_seeking:ModeSeeking",
}
