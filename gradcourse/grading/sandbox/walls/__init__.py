"""The closed room, layer by layer: what the kernel offers to keep a process in."""
