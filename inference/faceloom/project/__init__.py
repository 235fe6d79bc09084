"""The whole job in one folder: plan the commands of a swap, run them, and keep what they make.

A project is a folder with `project.json` and every artifact of a swap. The plan is a list of
`faceloom` commands; the runner runs each one as a child process and reports one progress for all.
A command is not run again if its artifact is complete and nothing that it depends on has changed.

The package knows nothing of consoles and never imports the training stack. May import everything
below `inspect` and `doctor`.
"""

from faceloom.project.plan import SwapPlan, prepare_swap
from faceloom.project.project_folder import Project
from faceloom.project.run_state import SwapProgress
from faceloom.project.runner import run_plan
from faceloom.project.settings import SwapSettings
from faceloom.project.swap_summary import SwapSummary

__all__ = [
    "Project",
    "SwapPlan",
    "SwapProgress",
    "SwapSettings",
    "SwapSummary",
    "prepare_swap",
    "run_plan",
]
