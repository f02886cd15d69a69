"""What is kept: the record store, which is the truth, its change feed, and the search index that follows it."""
