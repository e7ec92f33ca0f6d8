"""Live hit rates on candidate versions: planned first, capped, and receipted."""
