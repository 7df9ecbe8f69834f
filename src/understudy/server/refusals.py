"""Why a request is refused, in the terms of HTTP, and what is held against each request of KServe v2, by
whichever endpoint it comes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from understudy.errors import RequestError
from understudy.server.models.served import ModelDown, ServedModel, UnknownModel
from understudy.server.tokens import Access, Grant

if TYPE_CHECKING:
    from understudy.server.state import ServerState


class Refusal(Exception):
    """An answer with an HTTP status and a sentence."""

    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.headers = dict(headers or {})


def status_of(error: Exception, state: ServerState) -> tuple[int, str]:
    """The HTTP status and the sentence for an error."""
    if isinstance(error, Refusal):
        return error.status, error.message
    if isinstance(error, UnknownModel):
        return 404, error.message
    if isinstance(error, RequestError):
        return 400, error.message
    return (503 if isinstance(error, ModelDown) else 500), state.explain(error, None)


def checked(model: ServedModel, version: str) -> ServedModel:
    """The model, when it is of this version, or answers in the place of this earlier one."""
    description = model.description
    if version not in ("", description.version, *description.earlier_versions):
        raise UnknownModel(f'The model "{description.label}" is of version {model.description.version}.')
    return model


def check_allowed(grant: Grant, model: ServedModel) -> ServedModel:
    """The model; ``Refusal`` where ``grant`` is not for it."""
    if not grant.allows(model.description.name):
        raise Refusal(403, f'The token of {grant.name} is not for the model "{model.description.label}".')
    return model


def check_rate(access: Access, grant: Grant) -> None:
    """``Refusal`` for one who has asked more often than his rate allows."""
    seconds = access.wait_for(grant)
    if seconds > 0:
        rate = grant.rate
        assert rate is not None
        raise Refusal(
            429,
            f"The token of {grant.name} is for {rate.count} requests in {rate.seconds:g} s; ask again in "
            f"{seconds:.2g} s.",
            {"retry-after": str(math.ceil(seconds))},
        )
