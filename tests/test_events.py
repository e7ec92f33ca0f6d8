"""Version changes are read from who served; what is no change is not called one."""

import numpy as np
import pandas as pd
import pytest

from cacheaudit.events import events_of, lifetimes_in_use, version_changes
from cacheaudit.schema import EVENTS, check_usage

START = pd.Timestamp("2026-03-02", tz="UTC")
MONTH = 720
WIDTH = {"1h": pd.Timedelta("1h"), "1D": pd.Timedelta("1D"), "1min": pd.Timedelta("1min")}


def served(shares, freq="1h", scope="s", tokens=1000, requests=None, seed=0):
    """Usage of one cohort: model -> its share of *tokens* in each bucket.

    requests   mean number of requests in a bucket, drawn; None: no chance at all
    """
    rng = np.random.default_rng(seed)
    rows = []
    for model, share in shares.items():
        share = np.asarray(share, dtype=float)
        start = pd.date_range(START, periods=len(share), freq=freq)
        read = tokens * share if requests is None else 1000 * rng.poisson(requests * share)
        made = pd.DataFrame(
            {
                "bucket_start": start,
                "bucket_end": start + WIDTH[freq],
                "provider": "p",
                "model": model,
                "scope": scope,
                "cache_read_tokens": np.round(read).astype(int),
            }
        )
        rows.append(made[made["cache_read_tokens"] > 0])
    return check_usage(pd.concat(rows, ignore_index=True))


def during(*stretches, n=MONTH):
    share = np.zeros(n)
    for first, last in stretches:
        share[first:last] = 1.0
    return share


def pair(new, **how):
    """Traffic of model-1, of which model-2 gets the share *new*."""
    return served({"model-1": 1 - new, "model-2": new}, **how)


def hour(n):
    return START + n * WIDTH["1h"]


def moves(usage):
    return [(c.from_model, c.to_model, c.returned) for c in version_changes(usage)]


def test_an_instant_cutover_is_known_to_its_bucket():
    (change,) = version_changes(pair(during((300, MONTH))))

    assert (change.from_model, change.to_model) == ("model-1", "model-2")
    assert (change.start, change.start_high) == (hour(300), hour(301))
    assert change.end == change.start_high
    assert not change.is_ramp
    assert change.share == 1.0
    assert not change.returned


def test_a_ramp_starts_with_the_first_bucket_and_ends_with_the_old_models_last():
    ramp = np.clip((np.arange(MONTH) - 300) / 72, 0, 1)
    (change,) = version_changes(pair(ramp))

    assert change.is_ramp
    assert (change.start, change.end) == (hour(301), hour(372))
    assert change.share == 1.0


def test_a_canary_that_becomes_everything_is_one_change():
    canary = np.where(np.arange(MONTH) < 200, 0, np.where(np.arange(MONTH) < 400, 0.1, 1.0))
    (change,) = version_changes(pair(canary))

    assert (change.start, change.end) == (hour(200), hour(400))
    assert change.is_ramp


def test_a_canary_that_stays_has_no_end():
    (change,) = version_changes(pair(np.where(np.arange(MONTH) < 300, 0, 0.1)))

    assert change.end is None
    assert change.is_ramp
    assert change.share == pytest.approx(0.1)


@pytest.mark.parametrize("lasted", [4, 100])
def test_a_rollback_is_two_changes_and_the_second_has_returned(lasted):
    """Even after four hours, far less than a day."""
    there, back = version_changes(pair(during((300, 300 + lasted))))

    assert (there.to_model, there.start, there.returned) == ("model-2", hour(300), False)
    assert (back.to_model, back.start, back.returned) == ("model-1", hour(300 + lasted), True)
    assert there.share == back.share == 1.0


def test_two_tries_are_four_changes():
    changes = moves(pair(during((200, 300), (500, 600))))

    assert changes == [
        ("model-1", "model-2", False),
        ("model-2", "model-1", True),
        ("model-1", "model-2", True),
        ("model-2", "model-1", True),
    ]


def test_a_version_that_is_soon_replaced_is_still_seen():
    """One day of model-2 in a month is 3 % of the rest: it was all of the traffic that day."""
    usage = served(
        {
            "model-1": during((0, 100)),
            "model-2": during((100, 124)),
            "model-3": during((124, MONTH)),
        }
    )

    assert [to for _, to, _ in moves(usage)] == ["model-2", "model-3"]


@pytest.mark.parametrize("before", [0.01, 0.2])
def test_a_model_that_served_all_along_can_take_over(before):
    (change,) = version_changes(pair(np.where(np.arange(MONTH) < 400, before, 0.95)))

    assert (change.to_model, change.start) == ("model-2", hour(400))
    assert not change.returned


@pytest.mark.parametrize(("hours", "share"), [(1, 0.9), (3, 0.45)])
def test_a_stray_batch_is_no_change(hours, share):
    stray = np.zeros(MONTH)
    stray[350 : 350 + hours] = share

    assert moves(pair(stray)) == []


def test_a_share_below_presence_is_no_change():
    assert moves(pair(np.where(np.arange(MONTH) < 300, 0, 0.02))) == []


@pytest.mark.parametrize("seed", range(10))
def test_a_steady_mix_of_few_requests_is_no_change(seed):
    """The first bucket holds one model by chance; the other has been there all along."""
    usage = pair(np.full(MONTH, 0.3), requests=1.5, seed=seed)

    assert moves(usage) == []


@pytest.mark.parametrize("requests", [None, 2.0])
def test_a_cohort_that_pauses_for_days_has_not_changed(requests):
    working = np.ones(MONTH)
    working[200:350] = 0
    usage = served({"model-1": 0.6 * working, "model-2": 0.4 * working}, requests=requests)

    assert moves(usage) == []


def test_a_model_of_the_day_shift_is_no_change_every_morning():
    day = np.where((np.arange(MONTH) % 24 >= 8) & (np.arange(MONTH) % 24 < 20), 0.8, 0)

    assert moves(pair(day)) == []


def test_cohorts_are_told_apart():
    moved = pair(during((300, MONTH)), scope="moved")
    stayed = served({"model-1": np.ones(MONTH)}, scope="stayed")
    changes = version_changes(check_usage(pd.concat([moved, stayed])))

    assert [c.scope for c in changes] == ["moved"]


def test_a_cohort_without_a_name_has_changes_too():
    (change,) = version_changes(pair(during((300, MONTH)), scope=None))

    assert change.scope is None


def test_rows_that_name_no_model_say_nothing():
    usage = pair(during((300, MONTH)))

    assert version_changes(usage.assign(model=pd.Series(pd.NA, usage.index, dtype="str"))) == ()


def test_days_show_a_change_to_the_day():
    (change,) = version_changes(pair(during((16, 31), n=31), freq="1D"))

    assert change.start == START + pd.Timedelta("16D")
    assert change.start_high - change.start == pd.Timedelta("1D")


def test_minutes_around_a_cutover_sharpen_its_start():
    hours = pair(during((300, MONTH)))
    near = (hours["bucket_start"] >= hour(288)) & (hours["bucket_start"] < hour(312))
    minutes = pair(during((740, 1440), n=1440), freq="1min")
    shift = hour(288) - START
    minutes = minutes.assign(
        bucket_start=minutes["bucket_start"] + shift, bucket_end=minutes["bucket_end"] + shift
    )
    (change,) = version_changes(check_usage(pd.concat([hours[~near], minutes])))

    assert change.start == hour(300) + pd.Timedelta("20min")
    assert change.end == change.start_high == change.start + pd.Timedelta("1min")


@pytest.mark.parametrize("last", [2, 5])
def test_a_cutover_in_the_last_hours_is_seen(last):
    (change,) = version_changes(pair(during((MONTH - last, MONTH))))

    assert change.start == hour(MONTH - last)


def test_events_of_changes_are_events():
    events = events_of(version_changes(pair(during((300, 400)))))

    assert list(events.columns) == EVENTS
    assert events["what"].tolist() == ["model-1 -> model-2", "model-2 -> model-1"]
    assert (events["kind"] == "model").all()
    assert events_of(()).empty


def test_lifetimes_below_a_hundredth_of_the_writes_are_not_in_use():
    usage = served({"model-1": np.ones(4)}).assign(
        cache_write_1h_tokens=995, cache_write_5m_tokens=5
    )

    assert lifetimes_in_use(check_usage(usage)) == ["1h"]
    assert lifetimes_in_use(served({"model-1": np.ones(4)})) == []
