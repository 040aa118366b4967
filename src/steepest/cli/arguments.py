"""Arguments and options that several commands take."""

from __future__ import annotations

from typing import Annotated

import typer

from steepest.descent.methods.registry import FOR_LOSSES

Target = Annotated[str, typer.Argument(metavar="FILE:FUNCTION", help="A loss written in NumPy.")]
Start = Annotated[str, typer.Option(help="Start point: numbers separated by commas.")]
At = Annotated[str, typer.Option("--at", help="Point: numbers separated by commas.")]
StepSize = Annotated[float, typer.Option(help="Step size.")]
Until = Annotated[
    str | None,
    typer.Option(help="Stop rule, such as 'loss<=0.001' or 'gradient<=1e-8'."),
]
Limit = Annotated[int, typer.Option("--max-iterations", help="Largest number of updates.")]
Bounds = Annotated[
    str | None, typer.Option(help="low:high for each parameter, 0:1,:2, or for all.")
]
Dtype = Annotated[str, typer.Option(help="Precision in which parameters are stored.")]
ComputeDtype = Annotated[
    str | None, typer.Option(help="Precision of the arithmetic, if it is another one.")
]
MethodName = Annotated[str, typer.Option("--method", help=", ".join(FOR_LOSSES) + ".")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
