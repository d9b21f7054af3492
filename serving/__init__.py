"""The HTTP API. Stands on storage only: no Prefect, no GRIB, no model by name outside preference."""
