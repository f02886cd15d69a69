"""What should move: demand, policies, forecast, hints, their replay on traces, and what makes Rucio act on them."""
