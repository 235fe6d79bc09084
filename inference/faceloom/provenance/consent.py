"""The record of a person's consent: written by whoever trains and stored in bundle and output."""

import datetime
import json
from typing import Annotated, Any

from pydantic import BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from faceloom.json_documents import StrictModel

# Most characters of a field; a longer document can be named in the note.
_MAX_LENGTH = 4000

ShortText = Annotated[str, Field(max_length=_MAX_LENGTH)]


class ConsentRecord(StrictModel):
    """A person's consent to the use of their face; at least one field is given."""

    # For the JSON Schema of `verify --json`.
    model_config = ConfigDict(
        use_attribute_docstrings=True, json_schema_serialization_defaults_required=True
    )

    person: ShortText = ""
    """Who consented."""

    basis: ShortText = ""
    """On what basis, for example "release form" or "myself"."""

    date: datetime.date | None = None
    """When."""

    note: ShortText = ""
    """Anything else."""

    @model_validator(mode="after")
    def _check_not_empty(self) -> "ConsentRecord":
        if not (self.person or self.basis or self.date or self.note):
            raise ValueError(
                "a consent record needs a person, basis, date or note; leave it out instead"
            )
        return self

    def __str__(self) -> str:
        """Return the record in one line, for people."""
        basis = self.basis and f"basis: {self.basis}"
        date = self.date and self.date.isoformat()
        return "; ".join(
            " ".join(part.split()) for part in (self.person, basis, date, self.note) if part
        )

    def to_text(self) -> str:
        """Return the record for `from_text`: JSON, or the note if there is nothing else."""
        values = self.model_dump(mode="json", exclude_defaults=True)
        return self.note if values.keys() == {"note"} else json.dumps(values, ensure_ascii=False)

    @classmethod
    def from_text(cls, text: str | None) -> "ConsentRecord | None":
        """Read the text of `to_text`; any other text becomes a note.

        Args:
            text: The text; empty or None gives None.
        """
        if not text:
            return None
        try:
            return cls.model_validate_json(text)
        except ValidationError:
            return cls(note=text[:_MAX_LENGTH])


def _note_to_record(value: Any) -> Any:
    """Convert a plain string to a record with a note."""
    return ConsentRecord(note=value) if isinstance(value, str) and value else value or None


# A field of a configuration or manifest: a record, or a string that becomes its note.
Consent = Annotated[ConsentRecord | None, BeforeValidator(_note_to_record)]
