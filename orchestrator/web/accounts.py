"""Accounts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator.domain.records import NewTherapist
from orchestrator.errors import RegistrationClosed
from orchestrator.service import accounts
from orchestrator.web import schemas
from orchestrator.web.keys import HASHER, RULES, STORES, TOKEN

if TYPE_CHECKING:
    from aiohttp import web


async def register(request: web.Request, asked: schemas.Register) -> schemas.TherapistReply:
    """Open an account."""
    if not request.app[RULES].registration_open:
        raise RegistrationClosed
    new = NewTherapist(password_hash="", **asked.model_dump(exclude={"password"}))
    password = asked.password.get_secret_value()
    stores, hasher = request.app[STORES], request.app[HASHER]
    therapist = await accounts.register(new, password, accounts=stores.accounts, hasher=hasher)
    return schemas.TherapistReply(message="Registration successful.", therapist=schemas.Therapist.of(therapist))


async def log_in(request: web.Request, asked: schemas.Login) -> schemas.LoginReply:
    """Sign in with a form."""
    opened = await accounts.sign_in(
        asked.username,
        asked.password.get_secret_value(),
        accounts=request.app[STORES].accounts,
        hasher=request.app[HASHER],
        hours=request.app[RULES].token_hours,
    )
    return schemas.LoginReply(access_token=opened.token, therapist=schemas.Therapist.of(opened.therapist))


async def me(request: web.Request, _asked: schemas.Nothing) -> schemas.TherapistReply:
    """Whose token this is."""
    therapist = await accounts.by_token(request[TOKEN], accounts=request.app[STORES].accounts)
    return schemas.TherapistReply(therapist=schemas.Therapist.of(therapist))


async def log_out(request: web.Request, _asked: schemas.Nothing) -> schemas.Done:
    """Make the token worthless; without one there is nothing to do."""
    if TOKEN in request:
        await accounts.sign_out(request[TOKEN], accounts=request.app[STORES].accounts)
    return schemas.Done(message="Signed out.")
