"""Learners compiled by numba from plain Python: flat state in, flat state out."""
