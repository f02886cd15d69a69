"""What is said: the record, the query, and the words both are made of. Imports nothing of ours, does no I/O."""
