"""The thresholds of all gates, as data, so that a team can set its own."""

from dataclasses import dataclass

from ..bars import Bars
from ..errors import ParamError

USUAL = Bars()


@dataclass(frozen=True, slots=True, kw_only=True)
class GateBars:
    """Each is a parameter of the notebook that uses it; shares are in [0, 1].

    readiness_share       a candidate must keep this share of the incumbent's hit rate
    above_minimum_share   share of cached tokens in prefixes above the candidate's minimum
    telemetry_share       share of requests that report cache fields
    rollback_warm_share   a return to the incumbent must find this share of its baseline hit rate;
                          a return is a cutover, so its default is the bar of one, at once
    baseline_days         days before the cutover that make the baseline
    rollout_window_share  share of the baseline that a cutover must reach ...
    rollout_window_hours  ... within so many hours
    recovered_at_share    share of the baseline that counts as back at it; the postmortem's own
    recovery_hours        hours after the full cutover in which it must be back; the postmortem's
    """

    readiness_share: float = 0.9
    above_minimum_share: float = 0.99
    telemetry_share: float = 0.99
    rollback_warm_share: float = 0.5
    baseline_days: float = 7.0
    rollout_window_share: float = 0.5
    rollout_window_hours: float = 4.0
    recovered_at_share: float = USUAL.recovered_at_share
    recovery_hours: float = USUAL.recovery_hours

    def __post_init__(self) -> None:
        for name in SHARES:
            if not 0 < getattr(self, name) <= 1:
                raise ParamError(f"{name} is {getattr(self, name)}; expected a share in (0, 1].")
        for name in SPANS:
            if not 0 < getattr(self, name) < float("inf"):
                raise ParamError(f"{name} is {getattr(self, name)}; expected a number above 0.")


SHARES = (
    "readiness_share", "above_minimum_share", "telemetry_share", "rollback_warm_share",
    "rollout_window_share", "recovered_at_share",
)  # fmt: skip
SPANS = ("baseline_days", "rollout_window_hours", "recovery_hours")
