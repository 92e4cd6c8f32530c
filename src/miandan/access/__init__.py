"""Apps, tokens, roles: who is calling. Empty until the first door to the outside needs it."""
