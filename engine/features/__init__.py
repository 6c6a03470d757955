"""Features: from what a request says to what models see."""
