"""Image files as people have them: what a file holds beside its colours is read, kept and written again."""
