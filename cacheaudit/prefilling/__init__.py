"""Warming a candidate before the cutover: planned, rate-limited, capped, receipted."""
