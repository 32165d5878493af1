"""Argon2id, in threads and at most two at a time: each hash takes 64 MiB and tens of milliseconds."""

from __future__ import annotations

import asyncio

import argon2

AT_ONCE = 2


class Argon2Hasher:
    """A ``PasswordHasher``."""

    def __init__(self, argon2id: argon2.PasswordHasher | None = None) -> None:
        """Without ``argon2id`` the library's parameters are used, which follow RFC 9106."""
        self._argon2 = argon2id or argon2.PasswordHasher()
        self._places = asyncio.Semaphore(AT_ONCE)
        self._nobodys = self._argon2.hash("nobody's password")

    async def hash(self, password: str) -> str:
        """See the port."""
        async with self._places:
            return await asyncio.to_thread(self._argon2.hash, password)

    async def verify(self, password: str, hashed: str | None) -> bool:
        """See the port."""
        async with self._places:
            matches = await asyncio.to_thread(self._matches, password, hashed or self._nobodys)
        return matches and hashed is not None

    def is_outdated(self, hashed: str) -> bool:
        """See the port."""
        return self._argon2.check_needs_rehash(hashed)

    def _matches(self, password: str, hashed: str) -> bool:
        try:
            return self._argon2.verify(hashed, password)
        except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
            return False
