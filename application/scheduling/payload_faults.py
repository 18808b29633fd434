"""What is wrong with a payload by the JSON Schema its handler announced, in words about JSON."""

import json
from collections.abc import Mapping, Sequence
from itertools import islice

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError as SchemaError

from application.scheduling import json_text
from application.scheduling.ports.membership import HandlerSpec
from domain.errors import InvalidTaskError
from domain.pointers import pointer_of

FAULTS_MAX = 10
_SHOWN_MAX = 80


def payload_faults(spec: HandlerSpec, payload_json: str) -> tuple[InvalidTaskError, ...]:
    """What is wrong with a payload by the schema its handler announced, FAULTS_MAX faults at most, with pointers."""
    if spec.payload_schema is None:
        return ()
    errors = Draft202012Validator(dict(spec.payload_schema)).iter_errors(json.loads(payload_json))
    return tuple(_payload_fault(error) for error in islice(errors, FAULTS_MAX))


def _payload_fault(error: SchemaError) -> InvalidTaskError:
    # The schema's words point at the object; a person looks for the name that should not be there, or should.
    path, given = list(error.absolute_path), error.instance
    if error.validator == "additionalProperties" and isinstance(error.schema, Mapping) and isinstance(given, Mapping):
        path += [name for name in given if name not in error.schema.get("properties", {})][:1]
    if error.validator == "required" and isinstance(error.validator_value, Sequence):
        path += [name for name in error.validator_value if error.message.startswith(repr(name))][:1]
    return InvalidTaskError(_in_json(error)[:300], code="invalid_payload", pointer=pointer_of(("payload", *path)))


def _in_json(error: SchemaError) -> str:
    """What is wrong by the schema, its values as JSON: the validator's own words have them as Python writes them."""
    written = json_text.write(error.instance)
    given = written if len(written) <= _SHOWN_MAX else f"{written[:_SHOWN_MAX]} …"
    match error.validator, error.validator_value:
        case "enum", list(choices):
            return f"{given} is not one of {', '.join(map(json_text.write, choices))}"
        case "const", only:
            return f"{given} is not {json_text.write(only)}"
        case "type", (str() as one):
            return f"{given} is not of type {one}"
        case "type", list(types):
            return f"{given} is not of type {' or '.join(types)}"
        case "required", _:
            return "this is missing"
        case "additionalProperties", False:
            return "there is no such field"
        case _:
            rest = error.message.removeprefix(repr(error.instance))
            return error.message if rest == error.message else given + rest
