"""Logs that teams already have, to the request table: one module a format.

files -> lines (records) -> a format's reader (calls) -> table (each call once, in DuckDB)

`table.read_log` is the way in. This file imports nothing, so that a sum over a folder of logs
(reading.calls) need not wait for DuckDB and Arrow.
"""
