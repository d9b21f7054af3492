"""Ingest, one verb a file: find, fetch, decode, derive, write, check, publish, tell."""
