"""Models: from an identifier, a path or a module to a network that is ready to be read."""
