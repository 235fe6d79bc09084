"""Open a vendored face model."""

import onnxruntime as ort

from faceloom.weights import Weights


def open_face_model(weights: Weights, threads: int = 0) -> ort.InferenceSession:
    """Open a checked model on the CPU; `threads` 0 means all cores.

    The face models are small: on the CPU they run beside the swap network, wherever that runs.
    """
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    # Threads that wait for work would keep others from theirs.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return ort.InferenceSession(
        str(weights.read_path()), options, providers=["CPUExecutionProvider"]
    )
