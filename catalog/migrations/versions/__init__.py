"""The changes of the store, one module each, in the order of their numbers."""
