"""The query of a still's address on the swap page."""

from dataclasses import replace
from pathlib import Path

from pydantic import Json, ValidationError
from starlette.datastructures import QueryParams

from faceloom.errors import UsageError
from faceloom.json_documents import first_validation_error
from faceloom.studio.conversion.conversion_options import ConversionOptions, PeopleByPictures
from faceloom.studio.conversion.convert_command import ConvertForm, PersonBundles, swap_request
from faceloom.studio.conversion.swap_sections import SectionRows
from faceloom.studio.conversion.swap_settings import SwapSettings
from faceloom.studio.stills import StillRequest, StillView
from faceloom.studio.studio import Studio
from faceloom.studio.studio_project import ItemKind


class StillPeople(PeopleByPictures):
    """People whose faces are swapped in a still, as in a conversion."""

    person_bundles: PersonBundles = ()
    """A bundle for each of several people; all other faces are left as they are."""


class StillQuery(SwapSettings):
    """The query of a still's address."""

    view: StillView = StillView.SWAP
    """What the still shows."""
    draft: bool = False
    """Whether a slider is moving, see `StillRequest.draft`."""
    sections: Json[SectionRows] = ()
    """Sections that the still depends on, as JSON."""
    people: Json[StillPeople] = StillPeople()
    """Whose faces are swapped, as JSON."""

    @classmethod
    def parse(cls, parameters: QueryParams) -> "StillQuery":
        """Read the query of an address.

        Args:
            parameters: Its parameters.

        Raises:
            UsageError: A parameter is invalid.
        """
        try:
            return cls.model_validate_strings(dict(parameters))
        except ValidationError as error:
            sentence = f"The settings cannot be used: {first_validation_error(error)}."
            raise UsageError(sentence) from error

    def to_request(self, studio: Studio, clip: str, bundle: str, frame: int) -> StillRequest:
        """Return the still that shows what a conversion with the same options does.

        Args:
            studio: The studio.
            clip: Id of the clip.
            bundle: Id of the bundle.
            frame: Index of the frame.

        Raises:
            UsageError: The project has no such clip, bundle or person, a picture cannot be used,
                or the people are chosen twice.
        """
        people = self.people
        people.check_pictures(studio.readable_roots)
        form = ConvertForm(
            clip=clip,
            bundle=bundle,
            name="",
            settings=self,
            sections=self.sections,
            options=ConversionOptions(reference=people.reference),
            person_bundles=people.person_bundles,
        )
        return StillRequest(
            clip=studio.project.item(ItemKind.CLIP, clip).path,
            bundle=studio.project.item(ItemKind.BUNDLE, bundle).path,
            frame=frame,
            options=replace(
                self.to_options(),
                reference=tuple(map(Path, people.reference)),
                exclude=tuple(map(Path, people.exclude)),
                threshold=people.threshold,
            ),
            view=self.view,
            draft=self.draft,
            sections=tuple(row.to_section(self) for row in self.sections),
            assignments=swap_request(studio, form).assignments,
        )
