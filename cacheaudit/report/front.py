"""The first screen: verdict, three sentences, key numbers."""

from typing import Literal

from ..incidents import RATES
from ..metrics import headline_rate, overall_metrics
from ..postmortem import Postmortem
from ..show import KeyNumbers, Verdict
from ..words import count, share, times, usd
from .summary import MEASURE_NAMES, headline, summary

STATUS: dict[str, Literal["incident", "quiet", "unknown"]] = {
    "no_incident": "quiet",
    "unfit_data": "unknown",
    "identified": "incident",
    "narrowed": "incident",
    "not_identifiable": "incident",
}


def banner(postmortem: Postmortem) -> Verdict:
    """The verdict and its three sentences."""
    return Verdict(STATUS[postmortem.diagnosis.verdict], headline(postmortem), summary(postmortem))


def key_numbers(postmortem: Postmortem) -> KeyNumbers:
    """The figures that a reader looks for first."""
    found, top = postmortem.diagnosis, postmortem.diagnosis.costliest
    total = found.costed.usd.sum(skipna=False) if len(found.costed.usd) else float("nan")
    unpriced = sum(u.tokens for u in found.costed.book.unpriced)
    items: list[tuple[str, str, str]] = []
    if top is not None:
        incident = top.incident
        if incident.measure in RATES:
            name = "Hit rate" if incident.measure == "hit_rate" else "Read share of cached"
            items.append((f"{name} before", share(incident.before), "frozen baseline"))
            items.append((f"{name} during", share(incident.after), "affected traffic"))
        else:
            items.append((MEASURE_NAMES[incident.measure], times(incident.after), "of baseline"))
        ahead = (
            "" if top.run_rate is None else f"{usd(top.run_rate.per_month.value)} in 30 more days"
        )
        items.append(("Excess cost", usd(top.excess_usd.value), top.excess_usd.reason or ahead))
        if top.cold_start is not None:
            note = f"observed: {usd(top.cold_start.observed_usd)}"
            items.append(("Cold start, at most", usd(top.cold_start.ceiling_usd), note))
    elif len(postmortem.usage):
        items += _volume(postmortem)
    charged = None if found.cost is None else usd(float(found.cost["amount_usd"].sum()))
    if len(postmortem.usage):
        note = f"{count(unpriced)} tokens have no price" if unpriced else "list prices of the day"
        if charged is not None:
            settled = "reconciled" if found.reconciliation.standing == "reconciled" else "a draft"
            note = f"{note}; charged: {charged}, {settled}"
        items.append(("Cost of the window", usd(total), note))
    elif charged is not None:
        items.append(("Charged", charged, "cost report"))
    return KeyNumbers(items)


def _volume(postmortem: Postmortem) -> list[tuple[str, str, str]]:
    """Figures of a window in which nothing happened."""
    usage = postmortem.usage
    rate = headline_rate(usage)
    whole = overall_metrics(usage)
    name = "Hit rate" if rate == "hit_rate" else "Read share of cached"
    return [
        (name, share(whole[rate]), "over the window"),
        *(
            [("Input tokens", count(whole["input_tokens"]), "")]
            if rate == "hit_rate"
            else [("Cached tokens", count(whole["cached_tokens"]), "read or written")]
        ),
        ("Requests", count(whole["requests"]), ""),
    ]
