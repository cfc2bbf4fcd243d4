"""One self-contained HTML file about a run: what was trained, how well it does, how it went."""
