"""What a store is: quantities, grids, arrays in a zip, buckets. Knows no model, GRIB, web or Prefect."""
