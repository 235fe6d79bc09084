"""Use a trained network again for another target that shows the same person."""

from faceloom.errors import FaceloomError
from faceloom.faceset.similarity import SAME_PERSON_CENTERS, center_of
from faceloom.faceset.store import FaceSet
from faceloom.project.people import Person
from faceloom.project.project_file import SwapChoices
from faceloom.project.project_folder import Project


def choices_of_same_people(project: Project, guest_name: str, target: Person) -> SwapChoices | None:
    """Return earlier decisions whose exported network swaps the same two people.

    Args:
        project: The project.
        guest_name: Name of the guest's face set.
        target: The person in the new target.

    Returns:
        The newest ones; None if there are none.
    """
    for choices in reversed(project.all_choices()):
        bundle = project.step(project.bundle(choices.training.run))
        if choices.guest.name != guest_name or bundle is None or not bundle.done:
            continue
        if choices.trained_target or _similarity(project, choices, target) < SAME_PERSON_CENTERS:
            continue
        return choices
    return None


def _similarity(project: Project, choices: SwapChoices, target: Person) -> float:
    """Return the cosine of the person that a network was trained for and another; -1 if unknown."""
    try:
        faces = FaceSet.read(project.faces(choices.target.name))
        return float(center_of(faces.read_embeddings()) @ target.center)
    except FaceloomError:
        return -1.0
