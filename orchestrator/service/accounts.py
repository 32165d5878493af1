"""Opening accounts, signing in and out. A token is shown once and kept as its digest."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from orchestrator.errors import Inactive, NotAuthenticated

if TYPE_CHECKING:
    from orchestrator.domain.records import NewTherapist, Therapist
    from orchestrator.domain.stores import AccountStore, PasswordHasher


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    """A new token and whose it is."""

    token: str
    therapist: Therapist


async def register(new: NewTherapist, password: str, *, accounts: AccountStore, hasher: PasswordHasher) -> Therapist:
    """Open an account with ``password``. Raises ``Taken``."""
    return await accounts.add(replace(new, password_hash=await hasher.hash(password)))


async def sign_in(
    login: str, password: str, *, accounts: AccountStore, hasher: PasswordHasher, hours: float
) -> SignedIn:
    """A token for ``hours``. Raises ``NotAuthenticated``, and ``Inactive`` only to whoever knows the password."""
    found = await accounts.credentials(login)
    hashed = found[1] if found else None
    if not await hasher.verify(password, hashed) or found is None:
        raise NotAuthenticated("Incorrect username or password.")
    therapist = found[0]
    if not therapist.is_active:
        raise Inactive
    if hasher.is_outdated(found[1]):
        await accounts.set_password(therapist.id, await hasher.hash(password))
    token = secrets.token_urlsafe(32)
    await accounts.open_token(therapist.id, digest(token), datetime.now(UTC) + timedelta(hours=hours))
    return SignedIn(token=token, therapist=therapist)


async def by_token(token: str, *, accounts: AccountStore) -> Therapist:
    """Whose token this is. Raises ``NotAuthenticated``."""
    therapist = await accounts.by_token(digest(token), datetime.now(UTC))
    if therapist is None:
        raise NotAuthenticated("Please sign in again: this session has ended.")
    return therapist


async def sign_out(token: str, *, accounts: AccountStore) -> None:
    """Make the token worthless."""
    await accounts.close_token(digest(token))


def digest(token: str) -> str:
    """SHA-256 of a token, hex. A token has 256 random bits, so nothing slower is needed."""
    return hashlib.sha256(token.encode(errors="surrogatepass")).hexdigest()
