"""What counts: as a shift, as material, as recovered. Data, so that a team can set its own."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Bars:
    """Defaults of params.PostmortemParams, which explains each."""

    min_drop: float = 0.02
    min_rise: float = 0.08
    alpha: float = 0.01
    material_usd: float = 10.0
    recovered_at_share: float = 0.9
    recovery_hours: float = 72.0
    bill_tolerance: float = 0.02
