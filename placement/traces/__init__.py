"""Synthetic traces. Written apart from the model that they judge: nothing of ``placement`` is imported here."""
