"""Watching without labels: what requests and answers look like, how labels flow, and what moved with a change."""
