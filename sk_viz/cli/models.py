"""``sk-viz models``: the models that can be loaded."""

from __future__ import annotations

from dataclasses import asdict

import typer
from rich.table import Table

from sk_viz.cli.options import (
    JsonOption,
    console,
    print_json,
)


def register(cli: typer.Typer) -> None:
    """Add the command."""
    cli.command("models")(models)


def models(as_json: JsonOption = False) -> None:
    """List the models that can be loaded."""
    from sk_viz.zoo.catalogue import list_models

    entries = list_models()
    if as_json:
        print_json([asdict(entry) for entry in entries])
        return
    table = Table("model", "kind", "units", "parameters", "GMACs", "faithful", "weights")
    for entry in entries:
        table.add_row(
            entry.id,
            entry.kind,
            str(entry.units),
            f"{entry.parameters:,}",
            f"{entry.macs / 1e9:.2f} at {entry.input_size}",
            "yes" if entry.faithful else "no: split halves",
            "on disk" if entry.on_disk else "to be downloaded",
        )
    console().print(table)
