"""A migration rehearsed end to end: planted traffic through the real SDK against the sandbox.

    traffic   a team's calls, drawn beforehand; bodies of requests
    stage     a sandbox with its clock: whoever waits there lets the traffic pass
    story     how long, how much, when; what can be broken on purpose
    book      figures and checks, told as they are found
    week      the days before: a request log and the provider's usage
    ready     not ready, not yet known, probed, ready
    cutover   warmed, moved, measured against the plan
    back      going back, with the old version kept warm and without
    worse     a candidate whose cache is worse than its documents say

The replay never sees the sandbox's cache, and the sandbox never sees a plan.
"""
