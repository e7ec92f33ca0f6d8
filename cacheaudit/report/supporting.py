"""Supporting information: the data's limits, the prices used, and how to run the report again."""

from importlib.metadata import version

from ..metrics import token_totals
from ..postmortem import Postmortem
from ..show import Bullets, Column, Definitions, Details, Prose, Table
from ..words import UNKNOWN, count, moment, usd


def header(postmortem: Postmortem) -> Definitions:
    """What was looked at."""
    pull = postmortem.pull
    return Definitions(
        [
            ("Window", f"{moment(pull.start)} to {moment(pull.end)}"),
            ("Source", pull.source),
            ("Made", f"{moment(postmortem.fetched_at)} by cacheaudit {version('cacheaudit')}"),
            ("Complete to", moment(pull.refreshed_at) if pull.refreshed_at else "not stated"),
        ]
    )


def supporting(postmortem: Postmortem) -> list[Prose | Bullets | Details]:
    """Quality notes in the open; tokens, prices and parameters behind a line each."""
    found = postmortem.diagnosis
    notes = [n.text for n in found.quality] + list(postmortem.pull.notes)
    priced = Table(
        [
            Column("model"),
            Column("priced as"),
            Column("in force since"),
            Column("uncached", "right"),
            Column("read", "right"),
            Column("write 5m", "right"),
            Column("write 1h", "right"),
            Column("output", "right"),
        ],
        [
            [
                p.model,
                p.priced_as,
                p.valid_from.isoformat() if p.valid_from else "not dated",
                *(
                    usd(rate)
                    for rate in (
                        p.uncached_input_usd_per_mtok,
                        p.cache_read_usd_per_mtok,
                        p.cache_write_5m_usd_per_mtok,
                        p.cache_write_1h_usd_per_mtok,
                        p.output_usd_per_mtok,
                    )
                ),
            ]
            for p in found.costed.book.used
        ],
        f"Per million tokens; genai-prices {version('genai-prices')}, base tier",
    )
    totals = Table(
        [Column("class"), Column("sum", "right")],
        [
            [name, UNKNOWN if value is None else count(value)]
            for name, value in token_totals(postmortem.usage).items()
        ],
        "Sums over the window; 'not known' is not reported, which is not 0",
    )
    params = Definitions([(k, str(v)) for k, v in postmortem.params.to_dict().items()])
    return [
        Bullets(notes) if notes else Prose(["No remarks on the data."]),
        Details("Tokens by class", totals),
        Details("Prices used", priced),
        Details("Parameters: run it again with these", params),
    ]
