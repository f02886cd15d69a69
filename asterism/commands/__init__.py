"""The commands, by what they are about. Each parses, calls one object that the factory made, prints."""
