"""Planted incidents: seeded traffic through an honest TTL cache, one world per cause.

    prices   our own small list of prices          world    cohorts, phases, model versions
    arrivals who asks, when and how long           cache    what is read, written and neither
    frames   requests -> usage frame, events, cost  reqlog   requests -> request table
    story    a truth, its class and its world      spoil    what goes wrong in measuring
    stories_*  the stories, by family              quiet    quarters in which nothing happens
    score    one run judged                        tables   many runs as plain text

No rate is drawn: requests are, and the cache decides. Independent of the engine under test:
only `cacheaudit.schema` is imported here.
"""
