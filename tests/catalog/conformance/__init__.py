"""The suite that every engine passes: each case is asked of the engine and of one that looks at every record."""
