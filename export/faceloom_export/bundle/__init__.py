"""Writing bundles: of a run, and of another program's model.

May import all parts of the exporter but `cli` and `dfm`, and `faceloom` and `faceloom_train`.
Import from the modules: `export_bundle` needs TensorFlow, `import_model` does not.
"""
