"""The parts of the screen, one file each, with `layout` and `register`."""
