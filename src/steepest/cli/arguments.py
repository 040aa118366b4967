"""Arguments and options that several commands take."""

from __future__ import annotations

from pathlib import Path
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
FitBounds = Annotated[
    str | None,
    typer.Option(
        "--bounds", help="low:high by name, a=0:1,k=0:, or for each parameter in order, 0:1,0:."
    ),
]
Dtype = Annotated[str, typer.Option(help="Precision in which parameters are stored.")]
ComputeDtype = Annotated[
    str | None, typer.Option(help="Precision of the arithmetic, if it is another one.")
]
MethodName = Annotated[str, typer.Option("--method", help=", ".join(FOR_LOSSES) + ".")]
Sigma = Annotated[str | None, typer.Option(help="Column of the standard deviations of y.")]
AbsoluteSigma = Annotated[
    bool, typer.Option("--absolute-sigma", help="Take sigma as it is, not up to a factor.")
]
Loss = Annotated[str, typer.Option(help="linear, huber, soft_l1, cauchy or arctan.")]
Level = Annotated[float, typer.Option(help="Probability of the intervals and the band.")]
NoPlot = Annotated[bool, typer.Option("--no-plot", help="Do not plot.")]
SaveFit = Annotated[
    Path | None,
    typer.Option(help="Write where the fit ended here; st.load and st.resume read it."),
]
Encoding = Annotated[str, typer.Option(help="Encoding of the table's text, such as latin-1.")]
Separator = Annotated[
    str | None,
    typer.Option(
        help="What stands between two fields: , ; a tab, or a space. Found if not given."
    ),
]
Decimal = Annotated[str, typer.Option(help="The decimal mark: a point or a comma.")]
Comment = Annotated[str, typer.Option(help="Lines that begin with it are skipped.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
