"""Descents: entry points, methods, stop rules and results."""

from steepest.descent.compare import MethodComparison, compare
from steepest.descent.constraints.forms import Constraint
from steepest.descent.curve_fit import curve_fit
from steepest.descent.curve_fit_joint import curve_fit_joint
from steepest.descent.curve_fit_many import curve_fit_many
from steepest.descent.inference.bootstrap import Bootstrap
from steepest.descent.inference.compare import FitComparison, NestedTest, compare_fits
from steepest.descent.inference.contour import Contour
from steepest.descent.inference.fit import Fit, FitWarning
from steepest.descent.inference.joint import JointFit, JointSet
from steepest.descent.inference.likelihood import LikelihoodFit
from steepest.descent.inference.profile import Profile
from steepest.descent.least_squares import least_squares
from steepest.descent.least_squares_many import least_squares_many
from steepest.descent.maximum_likelihood import maximum_likelihood
from steepest.descent.methods import (
    BFGS,
    LBFGS,
    SQP,
    Adagrad,
    Adam,
    AdamW,
    Armijo,
    AugmentedLagrangian,
    Averaged,
    Clipped,
    Dogleg,
    Failure,
    GaussNewton,
    GradientDescent,
    HagerZhang,
    InteriorPoint,
    LevenbergMarquardt,
    LineSearch,
    Lion,
    Method,
    Momentum,
    Move,
    Nesterov,
    NewtonCG,
    NonlinearCG,
    RMSProp,
    Search,
    StrongWolfe,
    TrustRegion,
    WeightDecay,
)
from steepest.descent.methods.schedules import (
    CosineDecay,
    ExponentialDecay,
    OneCycle,
    StepDecay,
    WarmUp,
)
from steepest.descent.minimize import minimize
from steepest.descent.minimize_many import minimize_many
from steepest.descent.multistart import multistart
from steepest.descent.problem.batches import Batches
from steepest.descent.problem.evaluation import Evaluation
from steepest.descent.problem.transforms import (
    Fixed,
    Marker,
    Positive,
    Simplex,
    Tied,
    UnitInterval,
)
from steepest.descent.results.batch import Many, ManyFits
from steepest.descent.results.result import History, Result, Status, Timings
from steepest.descent.results.root_result import Root
from steepest.descent.results.scalar_result import ScalarMinimum, ScalarRoot
from steepest.descent.resume import resume
from steepest.descent.root import root
from steepest.descent.running.callbacks import State
from steepest.descent.scalar.minimize_scalar import minimize_scalar
from steepest.descent.scalar.root_scalar import root_scalar
from steepest.descent.starts.multistart_result import Minimum, MultiStart
from steepest.descent.stop_rules import (
    DecrementBelow,
    GradientNormBelow,
    LossBelow,
    LossChangeBelow,
    MaxIterations,
    Point,
    StepBelow,
    StopRule,
    TimeLimit,
)
from steepest.errors import OptimizeWarning

__all__ = [
    "BFGS",
    "LBFGS",
    "SQP",
    "Adagrad",
    "Adam",
    "AdamW",
    "Armijo",
    "AugmentedLagrangian",
    "Averaged",
    "Batches",
    "Bootstrap",
    "Clipped",
    "Constraint",
    "Contour",
    "CosineDecay",
    "DecrementBelow",
    "Dogleg",
    "Evaluation",
    "ExponentialDecay",
    "Failure",
    "Fit",
    "FitComparison",
    "FitWarning",
    "Fixed",
    "GaussNewton",
    "GradientDescent",
    "GradientNormBelow",
    "HagerZhang",
    "History",
    "InteriorPoint",
    "JointFit",
    "JointSet",
    "LevenbergMarquardt",
    "LikelihoodFit",
    "LineSearch",
    "Lion",
    "LossBelow",
    "LossChangeBelow",
    "Many",
    "ManyFits",
    "Marker",
    "MaxIterations",
    "Method",
    "MethodComparison",
    "Minimum",
    "Momentum",
    "Move",
    "MultiStart",
    "NestedTest",
    "Nesterov",
    "NewtonCG",
    "NonlinearCG",
    "OneCycle",
    "OptimizeWarning",
    "Point",
    "Positive",
    "Profile",
    "RMSProp",
    "Result",
    "Root",
    "ScalarMinimum",
    "ScalarRoot",
    "Search",
    "Simplex",
    "State",
    "Status",
    "StepBelow",
    "StepDecay",
    "StopRule",
    "StrongWolfe",
    "Tied",
    "TimeLimit",
    "Timings",
    "TrustRegion",
    "UnitInterval",
    "WarmUp",
    "WeightDecay",
    "compare",
    "compare_fits",
    "curve_fit",
    "curve_fit_joint",
    "curve_fit_many",
    "least_squares",
    "least_squares_many",
    "maximum_likelihood",
    "minimize",
    "minimize_many",
    "minimize_scalar",
    "multistart",
    "resume",
    "root",
    "root_scalar",
]
