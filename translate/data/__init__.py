"""What lies on disk, and how it becomes batches: layouts, decoding, cache, transforms, loader, check."""
