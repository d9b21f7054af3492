"""Which model, in what order: one declaration and one short flow per model."""
