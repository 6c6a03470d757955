"""Routing: which of several arms answers a request, what that says about them, and what it takes to find out."""
