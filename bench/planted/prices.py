"""List prices in USD per million tokens, typed in by hand so that no engine code is shared."""

import pandas as pd

COLUMNS = [
    "uncached_input_tokens",
    "cache_read_tokens",
    "cache_write_5m_tokens",
    "cache_write_1h_tokens",
    "output_tokens",
]
SONNET, OPUS, HAIKU = (3, 0.3, 3.75, 6, 15), (5, 0.5, 6.25, 10, 25), (1, 0.1, 1.25, 2, 5)
LIST_USD_PER_M: dict[str, tuple[float, ...]] = {
    "claude-sonnet-4-5-20250929": SONNET,
    "claude-opus-4-6": OPUS,
    "claude-opus-4-7": OPUS,
    "claude-haiku-4-5-20251001": HAIKU,
    "gpt-5.1": (1.25, 0.125, 1.25, 1.25, 10),  # writes are neither reported nor billed
    "gpt-5.2": (1.75, 0.175, 1.75, 1.75, 14),
}


def usd_of(requests: pd.DataFrame) -> float:
    """Cost in USD of a frame with `model` and the token columns, at the list price."""
    sums = requests.groupby("model")[COLUMNS].sum()
    return sum(
        float((sums.loc[model].to_numpy(float) * LIST_USD_PER_M[str(model)]).sum()) / 1e6
        for model in sums.index
    )
