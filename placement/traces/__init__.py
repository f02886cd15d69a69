"""Synthetic traces. Written apart from the model that they judge: nothing of ``placement`` is imported here.

`calibrated.events` and `shifting.events` give a trace event by event, `writer.write` writes it.
"""
