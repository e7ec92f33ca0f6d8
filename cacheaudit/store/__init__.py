"""Pulled usage kept on disk, so that the next pull asks only for what is missing or unsettled.

    intervals   which windows to ask for: wanted minus settled. Pure
    report      a provider's report as the store sees it: how to ask, how to read a page
    raw         the provider's own pages, gzip JSON beside the file
    book        one DuckDB file: rows, and which windows were answered
    lock        one process at a time
    keep        these put together: `open_store`, `Store.reader`
    rebuild     the file made again from the pages

What holds:

* **Coverage is what was answered, not what has rows.** A quiet bucket has no row, and a hole is a
  window that nobody asked for.
* **Settled is asked once.** A bucket is settled when the provider says that its data is complete
  so far (`data_refreshed_at`) or, where it says nothing, when it ended `MARGIN` (48 h) before it
  was asked for. Anything younger is asked again, and the new answer replaces the old one. What a
  provider changes after that is not noticed: remove the file to pull it all anew.
* **Whole buckets only.** The bucket that the end of the window cuts is asked every time and never
  kept.
* **Pieces.** A window is asked in pieces (a week of hours, a day of minutes, 31 days) and each is
  committed in one transaction, so a pull that was killed goes on at the first missing piece.
* **One pull at a time per file.** DuckDB lets one process write; the lock is held from the first
  question to the last, is released by the system when a process dies, and is waited for.
* **Nothing mixes.** Rows belong to a series: source, endpoint, account, report and bucket. The
  account is a label or a salted hash of the key, never the key.
* **Pages stay as long as a bucket in the file comes from them**, and are removed when a later
  answer has replaced them all. Headers are not kept, so neither is a key.
"""
