"""The estimate of a conversion before it starts: `faceloom convert --estimate` as a process."""

import tempfile
import threading
from collections.abc import Hashable
from pathlib import Path

from faceloom.project.step import file_signature
from faceloom.project.step_process import StepProcess
from faceloom.studio.convert_command import (
    ConvertForm,
    check_conversion,
    convert_request,
    swap_request,
)
from faceloom.studio.lru_cache import LruCache
from faceloom.studio.studio import Studio
from faceloom.studio.studio_project import ItemKind

# Estimates that are kept.
_MAX_ESTIMATES = 64


class ConversionEstimator:
    """Runs estimates one after the other and keeps them. Methods are thread-safe."""

    def __init__(self, studio: Studio):
        """Start without an estimate.

        Args:
            studio: The studio.
        """
        self._studio = studio
        self._running = threading.Lock()
        self._sentences: LruCache[str] = LruCache(_MAX_ESTIMATES)

    def estimate(self, form: ConvertForm) -> str:
        """Return the sentence of the command.

        Args:
            form: The conversion.

        Raises:
            FaceloomError: The conversion is refused.
        """
        check_conversion(self._studio, form)
        with self._running:
            return self._sentences.get_or_make(self._key(form), lambda: self._run(form))

    def _key(self, form: ConvertForm) -> Hashable:
        """Return what an estimate depends on; the name of the output is no part of it."""
        project = self._studio.project
        clip = project.item(ItemKind.CLIP, form.clip).path
        inputs = (clip, *swap_request(self._studio, form).inputs)
        unnamed = form.model_copy(update={"name": ""})
        return unnamed.model_dump_json(), *map(file_signature, inputs)

    def _run(self, form: ConvertForm) -> str:
        command = (*convert_request(self._studio, form).arguments, "--estimate")
        with (
            tempfile.TemporaryDirectory() as folder,
            StepProcess.start(command, Path(folder) / "log.txt", lambda: None) as child,
        ):
            for _ in child.progress():
                pass
            child.result()
            return child.lines[-1]
