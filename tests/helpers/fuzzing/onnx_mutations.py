"""Mutate the messages of an ONNX file, so that the parser accepts it and later code reads it."""

from collections.abc import Iterator
from typing import Any

import onnx
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import DecodeError, Message
from tests.helpers.fuzzing.mutators import Mutator

# Integers: sizes, opsets, tensor types, limits. Some exceed the type of some fields.
_INTEGERS = (0, 1, 2, 7, 9, 10, 11, 13, 18, 19, 48, 10**6, 2**31 - 1, 2**63 - 1, -1, -(2**63))
# Texts: operators (some with subgraphs), names of a .dfm, paths, control characters.
_TEXTS = (
    "", "in_face:0", "in_face", "out_celeb_face:0", "morph_value:0", "n", "If", "Loop", "Split",
    "Upsample", "Resize", "Constant", "Reshape", "Pad", "ai.onnx", "../x", "a\0", "\x1b[2J",
    "x" * 5000,
)  # fmt: skip
# Bytes: none, and too few and too many for a tensor.
_BYTES = (b"", b"\0", b"\xff" * 8, bytes(4096))


def mutate_onnx(mutator: Mutator, data: bytes) -> bytes:
    """Change one to three fields of the messages of an ONNX file, or its bytes."""
    if mutator.random.random() < 0.2:
        return mutator.bytes(data)
    try:
        model = onnx.load_model_from_string(data)
    except (DecodeError, ValueError):
        return mutator.bytes(data)
    for _step in range(mutator.random.choice((1, 1, 2, 3))):
        messages = list(_messages(model))
        _mutate_message(mutator, mutator.random.choice(messages), messages)
    return bytes(model.SerializeToString())


def _messages(message: Message) -> Iterator[Message]:
    """Yield a message and all messages in it."""
    yield message
    for field, value in message.ListFields():
        if field.type == FieldDescriptor.TYPE_MESSAGE:
            for child in value if _is_repeated(field) else (value,):
                yield from _messages(child)


def _mutate_message(mutator: Mutator, message: Message, messages: list[Message]) -> None:
    """Set, repeat, remove or exchange one field."""
    random_ = mutator.random
    set_fields = [field for field, _ in message.ListFields()]
    use_set = set_fields and random_.random() < 0.8
    field = random_.choice(set_fields if use_set else list(message.DESCRIPTOR.fields))
    if field.type == FieldDescriptor.TYPE_MESSAGE:
        _mutate_child(mutator, message, field, messages)
    elif not _is_repeated(field):
        _try_to_set(lambda: setattr(message, field.name, _value(mutator, field)))
    else:
        values = getattr(message, field.name)
        if values and random_.random() < 0.5:
            index = random_.randrange(len(values))
            if random_.random() < 0.5:
                del values[index]
            else:
                _try_to_set(lambda: values.__setitem__(index, _value(mutator, field)))
        else:
            _try_to_set(lambda: values.append(_value(mutator, field)))


def _mutate_child(mutator: Mutator, message: Message, field: Any, messages: list[Message]) -> None:
    random_ = mutator.random
    donors = [each for each in messages if each.DESCRIPTOR is field.message_type]
    # A copy, since the message may be a part of the donor.
    donor = field.message_type._concrete_class()
    if donors:
        donor.CopyFrom(random_.choice(donors))
    if not _is_repeated(field):
        if random_.random() < 0.3:
            message.ClearField(field.name)
        else:
            getattr(message, field.name).CopyFrom(donor)
        return
    children = getattr(message, field.name)
    if children and random_.random() < 0.4:
        del children[random_.randrange(len(children))]
    elif len(children) < 50:
        children.append(donor)


def _value(mutator: Mutator, field: Any) -> Any:
    random_ = mutator.random
    if field.type == FieldDescriptor.TYPE_STRING:
        return random_.choice(_TEXTS)
    if field.type == FieldDescriptor.TYPE_BYTES:
        return random_.choice((*_BYTES, *(text.encode() for text in _TEXTS)))
    if field.type == FieldDescriptor.TYPE_FLOAT:
        return random_.choice((0.0, -1.0, 0.5, 1e38, float("nan"), float("inf")))
    if field.type == FieldDescriptor.TYPE_ENUM:
        return random_.choice(field.enum_type.values).number
    return random_.choice(_INTEGERS)


def _is_repeated(field: Any) -> bool:
    return bool(field.is_repeated)


def _try_to_set(assign: Any) -> None:
    """Assign a value unless the field's type does not allow it."""
    try:
        assign()
    except (ValueError, TypeError):
        return
