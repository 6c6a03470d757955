"""Reactions: what a contender does about a drift in its own loss."""
