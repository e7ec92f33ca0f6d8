"""A finished run as a mail, and whether it is due.

page      the report's page as a mail's HTML: figures beside it, below what clients cut off
text      the same in words, which stand alone
compose   both as one message, and the message of a run that failed; pure
known     the incidents of a report: what is new in them, and which are acknowledged
beside    what a report found beside its incidents
due       held against what was sent before: not again, quiet where asked, what is known in one line
ledger    what was sent, on the disk: at most once more after a crash
send      the SMTP server; password from the environment
"""
