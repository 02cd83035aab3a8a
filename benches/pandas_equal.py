"""The equal split of a month in pandas: the peer that the report measures.

Reads equal_records.csv and equal_duty.csv in DIR. Every record goes to the agent that it names, or else in equal shares to
those on duty for its account when it starts. What comes out is what closing a month with inference off gives: the shares of
every record, everybody's totals by account and step with an interval, the sums that the standard scheme scores, and a pool
split by the scores.

It is done in two ways. `frames` is written in the words of pandas: joins, groups and columns, with categories instead of
texts. `arrays` does the expensive part, finding who was on duty, with numpy's arrays by hand.
Usage: pandas_equal.py DIR REPEATS
"""

import json
import platform
import resource
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd

FLAGS = ("prompt", "resolved", "good")
TAGGED, SOLE, EQUAL = range(3)


def read(folder):
    """The records and the stretches of duty; texts that repeat are categories, the same in both tables."""
    text = {"account": "category", "external_id": "string", "agent": "category"}
    small = {"resolved": "Int8", "rating_milli": "Int32", "first_reply_ms": "Int64", "amount_minor": "Int64"}
    records = pd.read_csv(folder / "equal_records.csv", dtype=text | small)
    duty = pd.read_csv(folder / "equal_duty.csv", dtype={"account": "category", "employee_no": "category"})
    accounts = pd.api.types.union_categoricals([records["account"], duty["account"]]).categories
    people = pd.api.types.union_categoricals([records["agent"], duty["employee_no"]]).categories
    records = records.assign(account=records["account"].cat.set_categories(accounts),
                             agent=records["agent"].cat.set_categories(people))
    duty = duty.assign(account=duty["account"].cat.set_categories(accounts),
                       employee_no=duty["employee_no"].cat.set_categories(people))
    return records, duty


def stretches(duty):
    """Between two changes of duty on an account the same people are there: (account, from, stretch), (stretch, person)."""
    starts, rows = [], []
    for account, some in duty.groupby("account", observed=True):
        edges = pd.unique(pd.concat([some["from_ms"], some["to_ms"]]).sort_values())
        first, base = np.searchsorted(edges, some["from_ms"]), sum(map(len, starts))
        last = np.searchsorted(edges, some["to_ms"])
        names = range(base, base + len(edges))
        starts.append(pd.DataFrame({"account": account, "started_ms": edges, "stretch": names}))
        spread = some.assign(stretch=[range(base + a, base + b) for a, b in zip(first, last)]).explode("stretch")
        rows.append(pd.DataFrame({"stretch": spread["stretch"].astype("int64"), "person": spread["employee_no"].cat.codes}))
    starts = pd.concat(starts, ignore_index=True).sort_values("started_ms")
    starts["account"] = starts["account"].astype(duty["account"].dtype)
    return starts, pd.concat(rows, ignore_index=True)


def frames(records, duty):
    """The shares: a row per record and person, with the account and the step that decided."""
    starts, on_duty = stretches(duty)
    named = records["agent"].notna()
    tagged = records.loc[named, ["account", "agent"]].rename_axis("record").reset_index()
    tagged = tagged.assign(person=tagged["agent"].cat.codes, share=1.0, rung=TAGGED)
    untold = records.loc[~named, ["account", "started_ms"]].rename_axis("record").reset_index().sort_values("started_ms")
    at = pd.merge_asof(untold, starts, on="started_ms", by="account").dropna(subset=["stretch"])
    many = on_duty.groupby("stretch")["person"].transform("size")
    on_duty = on_duty.assign(share=1.0 / many, rung=(many > 1).map({False: SOLE, True: EQUAL}))
    several = at.astype({"stretch": "int64"}).merge(on_duty, on="stretch")
    columns = ["record", "account", "person", "share", "rung"]
    return pd.concat([tagged[columns], several[columns]], ignore_index=True)


def within(lengths):
    """0, 1, .. within each of these lengths, one after the other."""
    ends = np.cumsum(lengths)
    return np.arange(ends[-1] if len(ends) else 0) - np.repeat(ends - lengths, lengths)


def arrays(records, duty):
    """The same as `frames`."""
    accounts, agents = records["account"].cat.codes.to_numpy(), records["agent"].cat.codes.to_numpy()
    started, of = records["started_ms"].to_numpy(), duty["account"].cat.codes.to_numpy()
    tagged = np.flatnonzero(agents >= 0)
    parts = [(tagged, accounts[tagged], agents[tagged], np.ones(len(tagged)), np.full(len(tagged), TAGGED))]
    for account in np.unique(of):
        some = duty[of == account]
        edges = np.unique(np.concatenate([some["from_ms"], some["to_ms"]]))
        first, last = np.searchsorted(edges, some["from_ms"]), np.searchsorted(edges, some["to_ms"])
        stretch = np.repeat(first, last - first) + within(last - first)
        order = np.argsort(stretch, kind="stable")
        person = np.repeat(some["employee_no"].cat.codes.to_numpy(), last - first)[order]
        begins = np.searchsorted(stretch[order], np.arange(len(edges) + 1))
        rows = np.flatnonzero((accounts == account) & (agents < 0))
        at = np.searchsorted(edges, started[rows], side="right") - 1
        rows, at = rows[at >= 0], at[at >= 0]
        many = begins[at + 1] - begins[at]
        places = np.repeat(begins[at], many) + within(many)
        share, rung = 1.0 / np.maximum(many, 1), np.where(many == 1, SOLE, EQUAL)
        whole = np.full(len(places), account)
        parts.append((np.repeat(rows, many), whole, person[places], np.repeat(share, many), np.repeat(rung, many)))
    columns = ["record", "account", "person", "share", "rung"]
    return pd.DataFrame({name: np.concatenate(part) for name, part in zip(columns, zip(*parts))})


def totals(shares):
    """By account, person and step, and by account and person with an interval for what was split."""
    steps = shares.groupby(["account", "person", "rung"], observed=True)["share"].sum()
    split, share = shares["rung"] == EQUAL, shares["share"]
    frame = shares[["account", "person", "share"]].assign(
        doubt=(share * (1 - share)).where(split, 0.0), certain=share.mask(split, 0.0), ambiguous=split
    )
    both = frame.groupby(["account", "person"], observed=True).sum()
    reach = 1.645 * 1.5 * both["doubt"]
    low = (both["share"] - reach).clip(lower=both["certain"])
    high = (both["share"] + reach).clip(upper=both["certain"] + both["ambiguous"])
    return steps, both.assign(low=low, high=high)


def sums(records, shares):
    """Everybody's total and the share-weighted sums of what was measured."""
    values = {
        "prompt": records["first_reply_ms"].le(30_000),
        "resolved": records["resolved"],
        "good": records["rating_milli"].ge(4_000),
        "amount": records["amount_minor"],
    }
    frame = pd.DataFrame({"person": shares["person"], "share": shares["share"]})
    for name, column in values.items():
        of_share = column.astype("Float64").to_numpy(dtype="float64", na_value=np.nan)[shares["record"]]
        frame[name] = np.nan_to_num(of_share) * frame["share"]
        frame[name + "_n"] = frame["share"].where(~np.isnan(of_share), 0.0)
    return frame.groupby("person").sum()


def score(total):
    """Points by the standard scheme's weights, and a pool split by them."""
    points = 40 * (total["share"] / total["share"].median()).clip(0, 1.2)
    for name in FLAGS:
        rate = (total[name] / total[name + "_n"]).fillna(0.0)
        points = points + 20 * (rate / rate.median()).clip(0, 1.2)
    return points, (points / points.sum() * 25_000_000).round()


def close(records, duty, credit):
    """The whole job: shares and everybody's sums."""
    shares = credit(records, duty)
    totals(shares)
    total = sums(records, shares)
    score(total)
    return shares, total


def main():
    folder, repeats = Path(sys.argv[1]), int(sys.argv[2])
    begin = time.perf_counter()
    records, duty = read(folder)
    said = {"read": time.perf_counter() - begin}
    for name, credit in {"frames": frames, "arrays": arrays}.items():
        said[name] = []
        for _ in range(repeats):
            begin = time.perf_counter()
            shares, total = close(records, duty, credit)
            said[name].append(time.perf_counter() - begin)
        total.index = records["agent"].cat.categories[total.index]
        (folder / f"equal_{name}.json").write_text(total["share"].to_json())
    said["versions"] = f"Python {platform.python_version()}, pandas {pd.__version__}, numpy {np.__version__}"
    said["shares"] = len(shares)
    said["peak_mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps(said))


if __name__ == "__main__":
    main()
