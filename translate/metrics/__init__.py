"""Metrics by short name: functions of two uint8 images [H, W, C] of one scene, an output and its truth."""

TABLE: dict[str, str] = {
    "l1": "translate.metrics.l1:l1",
    "psnr": "translate.metrics.psnr:psnr",
    "ssim": "translate.metrics.ssim:ssim",
}
