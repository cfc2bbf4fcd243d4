"""Using a trained model: a run folder becomes a callable; folders are translated, new images are drawn."""
