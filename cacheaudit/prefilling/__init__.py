"""Warming a candidate before the cutover: planned, rate-limited, capped, receipted.

shared     what other requests share of a body; ways: how to ask for it with the least output
prefix     a prefix to warm; fit: whether the candidate can cache it
pace       rates and lifetimes; set_aside: money
touched    what receipts tell of a prefix; under_way: who is due next
keep       touches prefixes until the cutover
plan       the same on a clock without a network; warmth: what is warm at the cutover
prefill    the front door; clock, network and disk end there
"""
