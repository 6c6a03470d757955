"""Every claim of speed is a command here; figures and dates stand in docs/performance.md."""
