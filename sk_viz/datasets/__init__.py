"""Read pictures with their labels from folders, archives and parquet files."""
