"""A small federation on loopback: a VO registry, a Zenodo and a Rucio that speak the real protocols, from true facts.

``python -m demo`` starts it, harvests it with the ordinary command line and serves what was harvested. Each server
is also a test double: :mod:`demo.registry`, :mod:`demo.invenio` and :mod:`demo.rucio` hold a small store that a test
may change, and make an ASGI application of it.
"""
