"""Trainings: what a run's folder says while it grows, and the jobs that train and export it.

Reads `metrics.jsonl` and `previews/` itself, since the runtime does not import the trainer; what
`config.yaml` says comes from `faceloom.inspect`. May import everything below `faceloom.cli`, and of
the studio its project and its jobs.
"""
