"""Detectors: leaves that watch one number per event and return a verdict."""
