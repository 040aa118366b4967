"""``resume``: the entry point for a run saved to a file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from steepest.descent.calling.entry import entry_point
from steepest.descent.constraints.attach import attach
from steepest.descent.constraints.fit import ConstrainedFit
from steepest.descent.constraints.forms import as_list
from steepest.descent.curve_fit import check_start
from steepest.descent.inference.fit import Fit
from steepest.descent.inference.likelihood import LikelihoodFit
from steepest.descent.iteration.problem import Problem
from steepest.descent.iteration.serialize import UnknownSettingError, decode, decode_structure
from steepest.descent.maximum_likelihood import logpdf_names
from steepest.descent.methods import SQP, Method, Search
from steepest.descent.methods.registry import choose_method
from steepest.descent.minimize import batch_plan, check_kinds, warn_of_interrupt
from steepest.descent.problem.batches import Batches
from steepest.descent.problem.bounds import Box
from steepest.descent.problem.data import Data, snapshot_data
from steepest.descent.problem.in_blocks.fit_data import opened_data, real_x, valid_data
from steepest.descent.problem.model import Model, NegativeLogLikelihood, Residuals
from steepest.descent.problem.objective import Objective, further_arguments
from steepest.descent.problem.parameters import ParameterLayout
from steepest.descent.problem.robust_loss import LOSSES
from steepest.descent.problem.streamed import divided_rows, read_in_blocks
from steepest.descent.problem.transforms import Reparametrization, split_transforms
from steepest.descent.results.fit_state import FinishedFit
from steepest.descent.results.result import Result
from steepest.descent.results.save import (
    Saved,
    constraints_of,
    digest,
    fingerprints,
    load,
    marks,
)
from steepest.descent.running.callbacks import State
from steepest.descent.running.compile import compile_problem
from steepest.descent.running.solve import solve
from steepest.descent.starts.signature import parameter_names
from steepest.descent.stop_rules import StopRule
from steepest.engines import Engine, Recording, Snapshot, get_engine
from steepest.errors import InputError
from steepest.graph import trees
from steepest.trace.following.tables.columns import is_data_frame


@entry_point()
def resume(
    path: Any,
    function: Callable[..., Any],
    args: Sequence[Any] = (),
    *,
    constraints: Any = None,
    like: Any = None,
    method: Method | Search | str | None = None,
    loss: Callable[[Any], Any] | None = None,
    stop: StopRule | None = None,
    engine: str | Engine | None = None,
    callback: Callable[[State], Any] | None = None,
    progress: bool = False,
) -> Result | Fit | LikelihoodFit:
    """Continue a run that was saved to a file.

    On the same engine and machine the result has the bits of a run that was never interrupted.

    Parameters
    ----------
    path : path_like
        File that ``run.save(path)`` wrote.
    function : callable
        The function of the saved run: the loss, the residuals, the model of a curve fit, or the
        log-density of a likelihood.
    args : tuple, optional
        The further arguments of the saved run; ``(x, y)`` or ``(x, y, sigma)`` for a curve fit,
        ``(data,)`` for a likelihood.
    constraints : Constraint, dict, scipy.optimize.LinearConstraint, ... or list of them, optional
        The constraints of the saved run, since the file holds no code.
    like : nested parameters, optional
        Parameters of the same structure. Required if the structure has named tuples or
        dataclasses, or if start values are marked.
    method : Method, Search or str, optional
        The method of the saved run. Required if the method, or a schedule in it, is not
        one of steepest, since the file holds no code.
    loss : callable, optional
        The robust loss of the saved run. Required if it is a function of your own.
    stop : StopRule, optional
        Stop rule from now on. By default that of the saved run, so that a run that met it ends
        at once.
    engine : {"native", "numpy", "torch"} or Engine, optional
        Where the descent runs. By default the engine of the saved run.
    callback : callable, optional
        Called with a :class:`State` after every update, as for :func:`minimize`.
    progress : bool, optional
        Whether to show progress on stderr.

    Returns
    -------
    Result, Fit or LikelihoodFit
        The result of the whole run, with its whole history.

    Raises
    ------
    InputError
        If the file is missing, damaged or not a saved run, or if the arguments differ from those
        of the saved run.
    SettingError
        If an argument has the wrong type, such as a function that is not one.

    Examples
    --------
    >>> import numpy as np, steepest as st, tempfile, pathlib
    >>> def rosenbrock(x):
    ...     return (1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2
    >>> first = st.minimize(rosenbrock, np.zeros(2), stop=st.MaxIterations(5))
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "run.safetensors"
    >>> first.save(path)
    >>> run = st.resume(path, rosenbrock, stop=st.GradientNormBelow(1e-6))
    >>> run.converged, len(run.history) == run.iterations + 1
    (True, True)
    """
    saved = load(path)
    settings, arrays = saved
    chosen = get_engine(settings["engine"] if engine is None else engine)
    if settings.get("likelihood") is not None:
        if isinstance(like, dict):
            like = check_start(function, like, logpdf_names(function, like), argument="like")
        function, args = _likelihood(settings["likelihood"], function, args, chosen)
    if settings["of_residuals"]:
        args = args if isinstance(args, tuple | list) else (args,)
    else:
        args = further_arguments(function, args)
    if settings["marks"] is not None and like is None:
        raise InputError("the saved run has marked start values: give them again, like=x0")
    if settings.get("model") is not None and isinstance(like, dict):
        like = check_start(function, like, parameter_names(function, like))
    like, expand = split_transforms(like)
    layout = _layout(saved, like)
    if settings.get("model") is None:
        args = read_in_blocks(function, args, chosen)
    else:
        args = opened_data(chosen, *args)
    objective, args, data = _objective(settings, function, args, loss, expand)
    if marks(objective) != settings["marks"]:
        raise InputError("like has other markers than the start values of the saved run")
    check_kinds(function, stop)
    batches = None if settings["batches"] is None else Batches(**settings["batches"])
    problem = Problem(
        objective,
        layout,
        divided_rows(chosen, function, args, batches is not None),
        _decoded(settings["method"], "method") if method is None else choose_method(method),
        stop if stop is not None else _decoded(settings["stop"], "stop"),
        dtype=np.dtype(settings["dtype"]),
        engine=chosen,
        max_paths=settings["max_paths"],
        batches=batches,
        plan=batch_plan(batches, args),
        record_every=settings["record_every"],
        record_x=settings["record_x"],
        fast=settings["fast"],
        box=Box(arrays["lower"], arrays["upper"]) if "lower" in arrays else None,
    )
    problem, finish = _with_constraints(settings, problem, constraints, arrays["x"])
    if fingerprints(problem.args) != settings["data"]:
        raise InputError(
            "args are not those that the run was saved with, in number, order, shapes, dtypes "
            "or values: give the same ones, or start a new run from run.x"
        )
    _check_function(settings, problem, arrays["x"])
    state = [arrays[f"state{i}"] for i in range(sum(name.startswith("state") for name in arrays))]
    snapshot = Snapshot(
        arrays["x"], arrays["previous_x"], state, settings["count"], settings["previous_loss"]
    )
    run = solve(
        problem,
        snapshot.x,
        callback,
        progress,
        settings["reason"],
        (snapshot, _recording(arrays)),
        {
            name: settings[name]
            for name in ("model", "names", "absolute_sigma", "own_dtypes")
            if name in settings
        },
    )
    warn_of_interrupt(run)
    run = finish(run, problem)
    if isinstance(function, NegativeLogLikelihood):
        return LikelihoodFit(run, function, args[0], function.names, layout, expand, problem.box)
    if not settings["of_residuals"]:
        return run
    names = tuple(settings["names"])
    kind = ConstrainedFit if as_list(constraints) else Fit
    return kind(FinishedFit.of(run, problem), names, settings["absolute_sigma"], data)


def _likelihood(
    saved: dict[str, Any], function: Callable[..., Any], args: Any, engine: Engine
) -> tuple[NegativeLogLikelihood, tuple[Any, ...]]:
    """Return minus the log-likelihood of a saved run, and its data."""
    data = args[0] if isinstance(args, tuple | list) and len(args) == 1 else args
    if isinstance(data, tuple | list) and not data:
        raise InputError("a saved likelihood needs its data: give args=(data,)")
    is_of_frame = is_data_frame(data)
    (data,) = opened_data(engine, data, names=("data",))
    args = snapshot_data((real_x(data),))
    if isinstance(function, NegativeLogLikelihood):
        return function, args
    model = Model(function, saved["is_named"], is_of_frame)
    return NegativeLogLikelihood(model, tuple(saved["names"])), args


def _with_constraints(
    settings: dict[str, Any], problem: Problem, constraints: Any, x: np.ndarray
) -> tuple[Problem, Callable[[Result, Problem], Result]]:
    """Return the problem with its constraints, and what makes the result of its run."""
    saved = settings.get("constraints")
    number = 0 if saved is None else saved["number"]
    if len(as_list(constraints)) != number:
        raise InputError(
            f"the saved run has {number} constraint{'' if number == 1 else 's'}: give "
            f"{'none' if number == 0 else 'the same ones, constraints=...'}"
        )
    if not isinstance(problem.method, SQP):
        return problem, lambda run, problem: run
    parts = problem.objective, tuple(problem.args), problem.method, problem.layout, x, problem.box
    attached = attach(constraints, *parts, is_start=False)
    problem = attached.problem(problem)
    graph = None if saved is None else saved["graph"]
    if graph is not None and constraints_of(problem, x) not in (saved, None):
        raise InputError(
            "constraints do not compute what those of the saved run did: give those, or start a "
            "new run from the saved x"
        )
    return problem, attached.finish


def _check_function(settings: dict[str, Any], problem: Problem, x: np.ndarray) -> None:
    """Raise if the function differs from the function of the saved run."""
    prepared, _, _ = compile_problem(problem, x)
    now = digest(prepared.paths[-1].loss_graph)
    if None not in (now, settings["function"]) and now != settings["function"]:
        name = getattr(problem.objective.function, "__name__", "the function")
        raise InputError(
            f"{name} does not compute what the function of the saved run did: give that function, "
            "or start a new run from the saved x"
        )


def _layout(saved: Saved, like: Any) -> ParameterLayout:
    settings = saved.settings
    if settings["structure"] is None:
        if like is None:
            raise InputError(
                "the parameters are nested in named tuples or dataclasses, which are not saved: "
                "give parameters of the same structure, like=x0"
            )
        structure = trees.structure(like)
    else:
        structure = decode_structure(settings["structure"])
    shapes = tuple(map(tuple, settings["shapes"]))
    dtypes = tuple(map(np.dtype, settings.get("own_dtypes", settings["dtypes"])))
    if structure.num_leaves != len(shapes):
        raise InputError(f"like has {structure.num_leaves} arrays, the run {len(shapes)}")
    return ParameterLayout(structure, shapes, dtypes, settings["is_array"])


def _objective(
    settings: dict[str, Any],
    function: Callable[..., Any],
    args: Sequence[Any],
    loss: Callable[[Any], Any] | None,
    expand: Reparametrization | None,
) -> tuple[Objective, Sequence[Any], Data | None]:
    """Return the objective of a saved run, its arguments, and the data of a curve fit."""
    if not settings["of_residuals"]:
        return Objective(function, expand=expand), args, None
    if settings["loss"] is None and loss is None:
        raise InputError("the saved run has a robust loss of your own: give it again, loss=...")
    rho = loss if settings["loss"] is None else LOSSES[settings["loss"]]
    data = None
    if settings["model"] is not None:
        kind, is_named, policy = settings["model"]
        if not 2 <= len(args) <= 3:
            raise InputError(
                "a saved curve fit needs its data: give args=(x, y) or args=(x, y, sigma)"
            )
        sigma = args[2] if len(args) > 2 else None
        single = settings["dtype"] == "float32"
        is_of_frame = is_data_frame(args[0])
        x, y, sigma = valid_data(args[0], args[1], sigma, None, policy, single)
        args = (x, y) if sigma is None else (x, y, sigma)
        curve = Model(function, is_named, is_of_frame)
        data, function = Data(curve, x, y, kind, is_named, policy), Residuals(curve, kind)
    return Objective(function, True, rho, settings["f_scale"], expand), args, data


def _decoded(setting: Any, name: str) -> Any:
    try:
        return decode(setting)
    except UnknownSettingError as error:
        raise InputError(
            f"the run's {name} contains {error}, which is not steepest's own: give it again, "
            f"{name}=..."
        ) from None


def _recording(arrays: dict[str, np.ndarray]) -> Recording:
    number = sum(name.startswith("history") for name in arrays)
    columns = tuple(arrays[f"history{i}"] for i in range(number))
    recording = Recording()
    if columns:
        recording.columns.append(columns)
    if "xs" in arrays:
        recording.xs.append(arrays["xs"])
    return recording
