"""States as released versions wrote them: they must load for ever, or be migrated by a named step."""
