"""One small process that looks out for arriving leads of all models, and sets work on them going."""
