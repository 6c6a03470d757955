"""The pure core: messages in, outcomes out."""
