"""Optimal trade execution: Almgren-Chriss, a simulator with stochastic liquidity, and exact benchmarks."""

from optexec import calibration, offline, presets
from optexec._version import VERSION
from optexec.almgren_chriss import e_folding_time, frontier, half_life, lvar_risk_aversion, urgency
from optexec.env import ExecutionEnv, ExecutionVectorEnv, register
from optexec.evaluation import evaluate, regret
from optexec.liquidity import ConstantLiquidity, LogOU, OrnsteinUhlenbeck, RegimeSwitching, Shocks
from optexec.offline import Transitions, collect
from optexec.optimum import exact_value, optimum
from optexec.policies import (
    Schedule,
    almgren_chriss,
    best_static,
    exact_objective,
    filtered,
    rolling,
    twap,
    u_shape,
    vwap,
)
from optexec.problem import Market, Order, Problem
from optexec.simulator import Episodes, Policy, simulate
from optexec.training_env import TrainedPolicy, TrainingEnv, TrainingVectorEnv, training_env

__all__ = [
    "ConstantLiquidity",
    "Episodes",
    "ExecutionEnv",
    "ExecutionVectorEnv",
    "LogOU",
    "Market",
    "Order",
    "OrnsteinUhlenbeck",
    "Policy",
    "Problem",
    "RegimeSwitching",
    "Schedule",
    "Shocks",
    "TrainedPolicy",
    "TrainingEnv",
    "TrainingVectorEnv",
    "Transitions",
    "almgren_chriss",
    "best_static",
    "calibration",
    "collect",
    "e_folding_time",
    "evaluate",
    "exact_objective",
    "exact_value",
    "filtered",
    "frontier",
    "half_life",
    "lvar_risk_aversion",
    "offline",
    "optimum",
    "presets",
    "regret",
    "rolling",
    "simulate",
    "training_env",
    "twap",
    "u_shape",
    "urgency",
    "vwap",
]

__version__ = VERSION

register()
