"""Extraction: media or official HDF5 features in, TFRecord shards out."""
