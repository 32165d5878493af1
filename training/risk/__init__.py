"""The learned half of the risk engine: written cases, training of the head, evaluation of the whole engine."""
