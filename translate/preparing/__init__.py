"""Datasets on their way to a training: combined, divided, resized, drawn as edges, taken from other libraries."""
