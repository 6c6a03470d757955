"""Models whose steps a compiled kernel takes."""
