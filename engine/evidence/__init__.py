"""Evidence that a challenger is better: leaves that take paired differences of losses and say how sure one may be."""
