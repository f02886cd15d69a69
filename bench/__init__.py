"""Benchmarks: ``make bench`` prints tables and writes ``bench/results/NAME.json``; each names its machine and peer."""
