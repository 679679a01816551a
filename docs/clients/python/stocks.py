"""Agora with gql: queries and mutations over httpx, subscriptions over a WebSocket.

agora demo
AGORA_URL=http://127.0.0.1:4000 python stocks.py
"""

import asyncio
import os
import random
import uuid
from collections.abc import AsyncIterator

from gql import Client, gql
from gql.transport.exceptions import TransportError, TransportQueryError
from gql.transport.httpx import HTTPXAsyncTransport
from gql.transport.websockets import WebsocketsTransport

from session import Session

AGORA_URL = os.environ.get("AGORA_URL", "http://127.0.0.1:4000")

BOOKS = gql("query ($after: String) { books(first: 3, after: $after) { nodes { id } pageInfo { hasNextPage endCursor } } }")
BUY = gql("""
    mutation ($key: String!, $quantity: Int!) {
      placeOrder(idempotencyKey: $key, input: { stock: "stock_2", side: BUY, quantity: $quantity }) { id status }
    }
""")
STOCK_CHANGED = gql('subscription { stockChanged(names: ["FishCo"]) { name quantity price } }')


async def main() -> None:
    session = Session(AGORA_URL)
    print("signed in as", await session.sign_in("ada", "agora-demo-2026"))

    transport = HTTPXAsyncTransport(url=f"{AGORA_URL}/graphql", auth=session)
    async with Client(transport=transport) as agora:
        # A list comes in pages. The cursor of one page is the argument of the next.
        page = {"hasNextPage": True, "endCursor": None}
        while page["hasNextPage"]:
            books = (await agora.execute(BOOKS, variable_values={"after": page["endCursor"]}))["books"]
            print("books:", *(book["id"] for book in books["nodes"]))
            page = books["pageInfo"]

        # Subscribe first and buy then: a subscription has no events from before it began.
        changes = events(session, STOCK_CHANGED)
        change = asyncio.create_task(anext(changes))

        # The key makes it safe to send the order again when no answer arrives: it is executed once.
        order = {"key": str(uuid.uuid4()), "quantity": 1}
        for attempt in ["order", "sent again:"]:
            placed = (await agora.execute(BUY, variable_values=order))["placeOrder"]
            print(attempt, placed["id"], placed["status"])

        stock = (await change)["stockChanged"]
        print(stock["name"], stock["quantity"], "shares at", stock["price"]["amount"], stock["price"]["currency"])
        await changes.aclose()

        # A program reacts to the code of an error, never to its message.
        try:
            await agora.execute(BUY, variable_values={"key": str(uuid.uuid4()), "quantity": 1_000_000})
        except TransportQueryError as error:
            if code_of(error) != "INSUFFICIENT_STOCK":
                raise
            print("not that many shares are left")

    await session.renew(session.tokens["token"])
    print("renewed the session of", session.tokens["user"]["username"])


async def events(session: Session, document) -> AsyncIterator[dict]:
    """Yields the events of a subscription. After a lost connection, or when its token expires, it subscribes again."""
    wait = 1.0
    while True:
        transport = WebsocketsTransport(
            url=f"{AGORA_URL.replace('http', 'ws', 1)}/graphql",
            init_payload={"authorization": await session.authorization()},
            subprotocols=[WebsocketsTransport.GRAPHQLWS_SUBPROTOCOL],
        )
        try:
            async with Client(transport=transport) as connection:
                async for event in connection.subscribe(document):
                    wait = 1.0
                    yield event
        except (TransportError, OSError) as error:
            if isinstance(error, TransportQueryError) and code_of(error) not in ("UNAUTHENTICATED", "UNAVAILABLE", "TOO_SLOW"):
                raise
        # Events were lost: a program that shows a state queries it again here.
        await asyncio.sleep(wait * random.uniform(0.5, 1))
        wait = min(2 * wait, 30.0)


def code_of(error: TransportQueryError) -> str | None:
    return error.errors[0].get("extensions", {}).get("code") if error.errors else None


asyncio.run(main())
