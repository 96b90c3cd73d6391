"""References to schemas that are not in the request. Kimi fetches nothing, and neither do we."""

from __future__ import annotations

import re

from ...errors import InvalidRequestError
from .model import Alternatives, Constraints, Part, Unsupported
from .unevaluated import SOME_ITEMS, SOME_NAMES

__all__ = ["outside"]

_SOME = frozenset({SOME_NAMES, SOME_ITEMS})

# Tools that take a JSON schema refer to the schema of schemas.
_META = re.compile(r"https?://json-schema\.org/draft(-0[3467]|/20(19-09|20-12))/schema#?")


def outside(keyword: str, ref: object, part: Part, *, alone: bool) -> Alternatives:
    """What is known of a reference to a schema that is not in the request.

    ``alone``: nothing is known, since nothing beside the reference binds the value.

    Raises:
        InvalidRequestError: where nothing is known.
    """
    path = f"{part.path}.{keyword}"
    if isinstance(ref, str) and _META.fullmatch(ref):
        note = f"A JSON schema ({ref})."
        reason = "Kimi fetches no schemas: any object, true and false are accepted"
        atoms = (Constraints(types=("object",)), Constraints(types=("boolean",)))
        return Alternatives(atoms, rules=(Unsupported(keyword, path, ref, note, reason=reason),))
    if alone:
        raise InvalidRequestError(
            f"$ref {ref!r} points outside the schema, and Kimi fetches nothing; "
            "copy the definition into $defs and refer to it as '#/$defs/<name>'",
            param=path,
        )
    note = f"Must match the schema {ref}."
    reason = "it points outside the schema, and Kimi fetches nothing: only what is beside it holds"
    atom = Constraints(
        rules=(Unsupported(keyword, path, ref, note, reason=reason),),
        seen=frozenset({SOME_NAMES, SOME_ITEMS}),
    )
    return Alternatives((atom,))
