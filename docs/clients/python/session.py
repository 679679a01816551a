"""The session of one person: signs in, and renews the access token before it expires."""

import asyncio
from datetime import datetime, timedelta, timezone

import httpx

RENEW_BEFORE_END = timedelta(seconds=30)
SIGNED_IN = "token refreshToken expiresAt user { username }"


class AgoraError(Exception):
    """An error that the server reported. The code is stable, the message is for people: see docs/ERRORS.md."""

    def __init__(self, error: dict):
        super().__init__(error["message"])
        self.code = error.get("extensions", {}).get("code")


class Session(httpx.Auth):
    """Authenticates the requests of an `httpx.AsyncClient`."""

    def __init__(self, url: str):
        self.url = f"{url}/graphql"
        self.tokens: dict = {}
        # A refresh token is valid once, and a second use ends the session. So one task renews, and the others wait.
        self.renewal = asyncio.Lock()

    async def sign_in(self, login: str, password: str) -> str:
        """Signs in, and returns the username."""
        query = f"mutation ($login: String!, $password: String!) {{ session: login(login: $login, password: $password) {{ {SIGNED_IN} }} }}"
        await self._send(query, {"login": login, "password": password})
        return self.tokens["user"]["username"]

    async def renew(self, token: str) -> None:
        """Exchanges the refresh token for new tokens, unless another task has replaced `token` already."""
        async with self.renewal:
            if token == self.tokens["token"]:
                query = f"mutation ($token: String!) {{ session: refresh(token: $token) {{ {SIGNED_IN} }} }}"
                await self._send(query, {"token": self.tokens["refreshToken"]})

    async def authorization(self) -> str:
        """Returns the `Authorization` header, with a token that is still valid."""
        ends = datetime.fromisoformat(self.tokens["expiresAt"])
        if ends - datetime.now(timezone.utc) < RENEW_BEFORE_END:
            await self.renew(self.tokens["token"])
        return f"Bearer {self.tokens['token']}"

    async def async_auth_flow(self, request: httpx.Request):
        request.headers["authorization"] = await self.authorization()
        response = yield request
        if response.status_code == 401:
            # The server does not accept the token: it has other keys, or its clock is ahead of this one.
            await self.renew(self.tokens["token"])
            request.headers["authorization"] = await self.authorization()
            yield request

    async def _send(self, query: str, variables: dict) -> None:
        # Without `Authorization`: an expired token there would be refused.
        async with httpx.AsyncClient() as client:
            response = await client.post(self.url, json={"query": query, "variables": variables})
        answer = response.json()
        if "errors" in answer:
            raise AgoraError(answer["errors"][0])
        self.tokens = answer["data"]["session"]
