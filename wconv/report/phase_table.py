"""What a sweep found, as a table and sentences."""

import json
from itertools import product
from typing import TYPE_CHECKING

from rich.table import Table

from wconv.report import format as fmt

if TYPE_CHECKING:
    from xarray import Dataset

MOST = 40
"""Rows: of larger sweeps the counts and changes are told, the file and figure have the cells."""


def phase_table(found: "Dataset") -> Table:
    """One row a cell, with its margin, tightness and what fails; of large sweeps one row a status."""
    names = json.loads(found.attrs["axes"])
    statuses = found["status"].values.ravel()
    grid = Table(box=None, pad_edge=False, header_style="bold")
    if len(statuses) > MOST:
        for head in ("status", "cells"):
            grid.add_column(head, no_wrap=True)
        for status in dict.fromkeys(statuses):
            grid.add_row(status, str(int((statuses == status).sum())))
        return grid
    for head in (*names, "status", "fails", "margin", "tightness", "message"):
        grid.add_column(head, no_wrap=head != "message")
    for place in product(*(range(size) for size in found["status"].shape)):
        cell = found.isel(dict(zip(found["status"].dims, place, strict=True)))
        grid.add_row(
            *(told(cell[name].item()) for name in names),
            cell["status"].item(),
            cell["fails"].item(),
            fmt.with_error(cell["margin"].item(), cell["margin_error"].item()),
            fmt.with_error(cell["tightness"].item(), cell["tightness_error"].item(), 4),
            cell["message"].item() if cell["verdict"].item() in ("ERROR", "INCONCLUSIVE") else "",
        )
    return grid


def told(value: object) -> str:
    """A value of an axis, a number short."""
    return fmt.number(value, 4) if isinstance(value, float) else str(value)


def changes(found: "Dataset") -> list[str]:
    """A sentence for every change of status along the first axis, with its interval."""
    if "change" not in found.dims:
        return []
    names = json.loads(found.attrs["axes"])
    out = []
    for k in range(found.sizes["change"]):
        change = found.isel(change=k)
        low, high = change["change_low"].item(), change["change_high"].item()
        at = f"between {low} and {high}"
        if change["change_low"].dtype.kind in "if":
            at = f"= {(low + high) / 2:.6g} ± {(high - low) / 2:.1g}"
        others = "".join(f", {n} = {told(change[f'change_{n}'].item())}" for n in names[1:])
        before, after = change["change_before"].item(), change["change_after"].item()
        out.append(f"{names[0]} {at}{others}: {before} -> {after}")
    return out
