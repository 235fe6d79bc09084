"""What a person said to having their face worn: recorded by whoever trains, carried along, never judged."""

import datetime
import json
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, ValidationError, model_validator

from faceloom.json_documents import Strict

# Longer texts belong into a document of their own, which the note can name.
_MOST = 4000

Words = Annotated[str, Field(max_length=_MOST)]


class ConsentRecord(Strict):
    """Who agreed, on what basis (a contract, a release, "myself"), when, and anything else in free text."""

    who: Words = ""
    basis: Words = ""
    date: datetime.date | None = None
    note: Words = ""

    @model_validator(mode="after")
    def _says_something(self) -> "ConsentRecord":
        if not (self.who or self.basis or self.date or self.note):
            raise ValueError(
                "a consent record says who, on what basis, when or a note; leave it out instead"
            )
        return self

    def __str__(self) -> str:
        """Return it as one line, for people."""
        basis = self.basis and f"basis: {self.basis}"
        date = self.date and self.date.isoformat()
        return "; ".join(
            " ".join(part.split()) for part in (self.who, basis, date, self.note) if part
        )

    def to_text(self) -> str:
        """Return what `from_text` reads: JSON, or the note alone where there is nothing else."""
        said = self.model_dump(mode="json", exclude_defaults=True)
        return self.note if said.keys() == {"note"} else json.dumps(said, ensure_ascii=False)

    @classmethod
    def from_text(cls, text: str | None) -> "ConsentRecord | None":
        """Read what `to_text` wrote; any other text is a note, nothing is None."""
        if not text:
            return None
        try:
            return cls.model_validate_json(text)
        except ValidationError:
            return cls(note=text[:_MOST])


def _from_note(value: Any) -> Any:
    """Take what was free text before there was a record."""
    return ConsentRecord(note=value) if isinstance(value, str) and value else value or None


# In documents: a record, or free text as older ones have it.
Consent = Annotated[ConsentRecord | None, BeforeValidator(_from_note)]
