"""Models come from elsewhere and go elsewhere: published checkpoints, exported files, a hub."""
