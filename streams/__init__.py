"""The world: files, clocks, settings and the command line, around the pure core in `engine`."""
