"""Reading other programs' models (.dfm, faceswap) without running code of theirs.

May import `faceloom_export.graph`, `faceloom` and `faceloom_train`.
"""
