"""The tests. A package, so that no other one of this name goes before it."""
