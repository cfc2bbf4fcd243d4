"""What keeps a training: its books, its files, its folder; nothing that happens to a process or a disk loses it."""
