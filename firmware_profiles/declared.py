"""Tables of TOML and JSON as frozen dataclasses: what may stand in them is declared, and pydantic checks it.

Whoever is handed what has been checked, as the daemon is, needs no pydantic: it is imported only where tables
are checked or described.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, dataclass, field, fields, is_dataclass
from enum import Enum
from functools import cache
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeVar, dataclass_transform, overload

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler, ValidationError

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Bounds on a number, a length or a text, as a note on a type: Annotated[int, Limits(ge=1)]."""

    ge: float | None = None
    gt: float | None = None
    le: float | None = None
    lt: float | None = None
    min_length: int | None = None
    max_length: int | None = None
    pattern: str | None = None
    strict: bool | None = None

    __is_annotated_types_grouped_metadata__: ClassVar[Literal[True]] = True

    def __iter__(self) -> Iterator[Any]:
        """The same in the notes that pydantic knows."""
        from pydantic import Field

        given: dict[str, Any] = {name: value for name, value in vars(self).items() if value is not None}
        yield from Field(**given).metadata


@dataclass(frozen=True)
class Then:
    """A note on a type: the value is handed to `check`, which returns it or raises ValueError."""

    check: Callable[[Any], Any]

    def __get_pydantic_core_schema__(self, kind: object, handler: GetCoreSchemaHandler) -> object:
        from pydantic import AfterValidator

        return AfterValidator(self.check).__get_pydantic_core_schema__(kind, handler)


@dataclass(frozen=True)
class First:
    """A note on a type: what is written is handed to `read` before anything else; it may raise ValueError.

    `expected` says what is to be written where the type would mislead.
    """

    read: Callable[[object], object]
    expected: str = ""

    def __get_pydantic_core_schema__(self, kind: object, handler: GetCoreSchemaHandler) -> object:
        from pydantic import BeforeValidator

        return BeforeValidator(self.read).__get_pydantic_core_schema__(kind, handler)


@dataclass(frozen=True)
class Told:
    """A note on a union of tables: the value of this key tells which one is meant."""

    discriminator: str

    def __get_pydantic_core_schema__(self, kind: Any, handler: GetCoreSchemaHandler) -> object:  # noqa: ANN401  any type
        from pydantic import Discriminator

        return Discriminator(self.discriminator).__get_pydantic_core_schema__(kind, handler)


@dataclass(frozen=True)
class Shown:
    """A note on a type: JSON Schema shows it so."""

    schema: Mapping[str, Any]

    def __get_pydantic_json_schema__(self, _kind: object, _handler: object) -> dict[str, Any]:
        return dict(self.schema)


def entry(
    *,
    default: Any = MISSING,  # noqa: ANN401  of the key's own type
    default_factory: Any = MISSING,  # noqa: ANN401  as dataclasses.field has it
    description: str = "",
    **limits: Any,  # noqa: ANN401  of Limits
) -> Any:  # noqa: ANN401  as dataclasses.field
    """A key of a table with what is to be said of it: its description, and the Limits of its value."""
    Limits(**limits)
    metadata = {"description": description, **limits} if description else limits
    return field(default=default, default_factory=default_factory, metadata=metadata)


def limits_of(metadata: Mapping[str, Any]) -> Limits:
    """The Limits among what `entry` was given."""
    return Limits(**{name: value for name, value in metadata.items() if name != "description"})


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(entry, field))
class Strict:
    """A frozen table that refuses unknown keys and numbers that are not finite."""

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid", "allow_inf_nan": False}

    def __init_subclass__(cls, **options: Any) -> None:  # noqa: ANN401  as object has it
        super().__init_subclass__(**options)
        dataclass(frozen=True, kw_only=True)(cls)

    def __post_init__(self) -> None:
        """What the keys must have in common.

        Raises:
            ValueError: they do not go together.
        """


class Guarded(Strict):
    """A table that is looked at as it is written first, so that no error repeats what must not be told."""

    @classmethod
    def guard(cls, keys: object) -> None:
        """What must not stand in it.

        Raises:
            ValueError: it does.
        """
        raise NotImplementedError

    @classmethod
    def __get_pydantic_core_schema__(cls, kind: object, handler: GetCoreSchemaHandler) -> object:
        from pydantic_core import core_schema

        def guarded(keys: object) -> object:
            cls.guard(keys)
            return keys

        return core_schema.no_info_before_validator_function(guarded, handler(kind))


@overload
def checked(kind: type[T], keys: object) -> T: ...
@overload
def checked(kind: Any, keys: object) -> Any: ...  # noqa: ANN401  # a union, or a type with notes
def checked(kind: Any, keys: object) -> Any:
    """What a table of TOML or a value means.

    Raises:
        pydantic.ValidationError: it is none of this kind.
    """
    return _validator(kind).validate_python(keys)


@overload
def checked_json(kind: type[T], text: bytes) -> T: ...
@overload
def checked_json(kind: Any, text: bytes) -> Any: ...  # noqa: ANN401  # a union, or a type with notes
def checked_json(kind: Any, text: bytes) -> Any:
    """The same of JSON, where a list may stand for a tuple, a string for a path.

    Raises:
        pydantic.ValidationError: it is no JSON, or none of this kind.
    """
    return _validator(kind).validate_json(text)


def told(error: ValidationError) -> str:
    """The first thing that is wrong, in the words of whoever found it."""
    first = str(error.errors(include_url=False)[0]["msg"])
    return first.removeprefix("Value error, ")


def schema_of(kind: Any, mode: Literal["validation", "serialization"] = "validation") -> dict[str, Any]:  # noqa: ANN401
    """Its JSON Schema."""
    from pydantic.json_schema import GenerateJsonSchema

    class Generator(GenerateJsonSchema):
        def get_default_value(self, schema: Any) -> Any:  # noqa: ANN401  any default
            """What a factory makes is a default as well."""
            make = schema.get("default_factory")
            return make() if make else super().get_default_value(schema)

    found: dict[str, Any] = _adapter(kind).json_schema(mode=mode, schema_generator=Generator)
    return found


@cache
def _adapter(kind: Any) -> Any:  # noqa: ANN401  # any type at all
    from pydantic import TypeAdapter

    return TypeAdapter(kind)


@cache
def _validator(kind: Any) -> Any:  # noqa: ANN401  # any type at all
    from pydantic_core import SchemaValidator

    return SchemaValidator(_exact(_adapter(kind).core_schema))


def _exact(schema: Any) -> Any:  # noqa: ANN401  # a part of pydantic's description of a type
    """The same, but that neither "3" nor true is 3; what stands before a = is always text, and may."""
    if isinstance(schema, list | tuple):
        return type(schema)(map(_exact, schema))
    if not isinstance(schema, dict):
        return schema
    found = {name: each if name in _AS_IT_IS else _exact(each) for name, each in schema.items()}
    return {**found, "strict": True} if schema.get("type") in ("int", "float", "bool") else found


_AS_IT_IS = frozenset({"default", "keys_schema", "metadata", "serialization"})


def plain(value: Any) -> Any:  # noqa: ANN401  # a table, or what stands in one
    """A table as it is written: dicts, lists, texts and numbers only."""
    if is_dataclass(value):
        return {each.name: plain(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, Mapping):
        return {name: plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if isinstance(value, Enum):
        return value.value
    return str(value) if isinstance(value, PurePath) else value


def given(table: Any) -> dict[str, Any]:  # noqa: ANN401  # a table
    """Its keys that differ from their defaults."""
    return {name: value for name, value in vars(table).items() if value != _default(type(table), name)}


def _default(kind: Any, name: str) -> Any:  # noqa: ANN401  # a table's class
    declared = kind.__dataclass_fields__[name]
    return declared.default if declared.default_factory is MISSING else declared.default_factory()
