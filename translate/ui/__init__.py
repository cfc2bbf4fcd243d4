"""A local web page to try a run: translate, draw, browse results, watch the training."""
