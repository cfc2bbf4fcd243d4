"""How a step is computed: in which numbers, in how much memory, on how many processes."""
