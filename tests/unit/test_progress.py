from translate.cli.progress import describe
from translate.run import Progress


def test_losses_are_means_over_the_domains_by_term() -> None:
    losses = {
        "adversarial/a": 1.0,
        "adversarial/b": 3.0,
        "cycle/a": 0.25,
        "adversarial/discriminator/b": 0.5,
        "grad_norm/generator": 9.0,
    }
    said = describe(Progress(step=1200, share=0.25, seconds=60.0, images_per_second=85.31, losses=losses))
    assert said == "step 1,200  85.3 images/s  3:00 left  adversarial 2  cycle 0.25  discriminator 0.5"
