"""Terms by short name; a configuration may also name a class of its own as "my_package.module:Class"."""

TABLE: dict[str, str] = {
    "adversarial": "translate.terms.adversarial:Adversarial",
    "cycle": "translate.terms.cycle:Cycle",
    "identity": "translate.terms.identity:Identity",
    "supervised": "translate.terms.supervised:Supervised",
    "perceptual": "translate.terms.perceptual:Perceptual",
    "feature_matching": "translate.terms.feature_matching:FeatureMatching",
    "patch_nce": "translate.terms.patch_nce:PatchNCE",
}
