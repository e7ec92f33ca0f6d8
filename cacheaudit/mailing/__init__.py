"""A finished run as a mail, and whether it is due.

page      the report's page as a mail's HTML: figures beside it, below what clients cut off
text      the same in words, which stand alone
compose   both as one message, and the message of a run that failed; pure
due       what was sent before: nothing twice, quiet where asked, known incidents in one line
send      the SMTP server; password from the environment
"""
