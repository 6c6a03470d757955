"""Models: leaves that answer and learn. They know no role, no stream and no clock."""
