"""Many films on many machines: partitions as Dask's tasks, one Parquet part each. Dask and PyArrow are an extra."""
