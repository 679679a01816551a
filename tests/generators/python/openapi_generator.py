"""The clients of `openapi-generator -g python`: each mount's main job, then an error.

Only generated functions and types are used. AGORA_URL is the address of a demo server.
"""

from datetime import date, datetime, timezone

import bazaar
import bookstore
import brokerage
import community
import shop
from scenarios import PASSWORD, equal, run, server

NAME = "python"


def client(package, token=None):
    """Returns a client of this mount."""
    return package.ApiClient(package.Configuration(host=f"{server}/{package.__name__}", access_token=token))


def failure(package, request):
    """Returns the status, the code and the body of a request that has to fail."""
    try:
        answer = request()
    except package.ApiException as error:
        return error.status, error.headers["Agora-Error-Code"], error.data
    raise AssertionError(f"no error, but {answer}")


def trade_at_the_bazaar():
    front = bazaar.FrontApi(client(bazaar))

    def left():
        return front.get_stock("GameStart").data.quantity

    before = left()
    trade = bazaar.Trade(name="GameStart", quantity=2, type="buy")
    bought = front.place_order(trade, idempotency_key=f"{NAME}-buy").data
    equal(front.place_order(trade, idempotency_key=f"{NAME}-buy").data, bought)
    equal(bought.transaction_number, bought.order_number)
    recorded = front.get_order(bought.order_number).data
    equal(recorded, bazaar.Order(number=bought.order_number, name="GameStart", quantity=2, type="buy"))
    equal(left(), before - 2)
    front.place_order(bazaar.Trade(name="GameStart", quantity=2, type="sell"))
    equal(left(), before)

    status, code, body = failure(bazaar, lambda: front.get_stock("Nothing"))
    equal((status, code), (404, "NOT_FOUND"))
    equal(body, bazaar.ErrorBody(error=bazaar.ErrorDetails(code=404, message="stock not found")))


def sell_a_book():
    api_client = client(bookstore)
    catalog, front = bookstore.CatalogApi(api_client), bookstore.FrontApi(api_client)
    new_book = bookstore.NewBook(title="Typed Tales", topic=NAME, quantity=3, price=15.99)
    book = catalog.add_book(new_book)
    equal(front.search_books(NAME), [bookstore.BookFound(id=book.id, title="Typed Tales")])
    changed = catalog.update_book(book.id, bookstore.BookChange(price=12.5))
    equal(changed, book.model_copy(update={"price": 12.5}))
    bought = front.purchase_book(book.id, idempotency_key=f"{NAME}-purchase")
    equal(bought.book, bookstore.BoughtBook(id=book.id, title="Typed Tales", price=12.5, quantity=2))
    order = bookstore.OrderApi(api_client).get_order(bought.order_id)
    assert isinstance(order.created_at, datetime), order
    equal((order.book_id, order.price, order.status), (book.id, 12.5, "SUCCESS"))
    catalog.delete_book(book.id)

    status, code, body = failure(bookstore, lambda: front.get_book_info(book.id))
    equal((status, code, body.success), (404, "NOT_FOUND", False))


def trade_and_lend():
    anyone = brokerage.UserApi(client(brokerage))
    token = anyone.login(brokerage.Credentials(email="ada@example.com", password=PASSWORD)).token
    api_client = client(brokerage, token)
    users, wallet = brokerage.UserApi(api_client), brokerage.WalletApi(api_client)
    stocks = brokerage.StockApi(api_client)

    balance = wallet.get_balance().balance
    transaction = wallet.create_transaction(brokerage.NewTransaction(type="deposit", amount=40.5))
    equal(wallet.get_transaction(transaction.id), transaction)
    equal(round(wallet.get_balance().balance - balance, 2), 40.5)

    new_order = brokerage.NewOrder(type="PURCHASE", stock_id=4, stock_amount=1, automated=True, limit_price=1)
    order = stocks.place_order(new_order)
    equal((order.order_price, order.broker_id, order.status), (1, None, "PENDING"))
    equal(stocks.get_order(order.id), order)
    cancelled = stocks.cancel_order(order.id, brokerage.OrderChange(status="CANCELLED"))
    equal(cancelled, order.model_copy(update={"status": "CANCELLED"}))

    # Both variants of one body, with a day and with a time.
    grant = brokerage.CapitalGrant(type="CAPITAL", broker_id=2, amount=10.25, end_date="2030-12-31")
    money = users.create_authorization(brokerage.NewAuthorization(grant))
    equal(money.type, "CAPITAL")
    holding = next(one for one in stocks.list_stockholdings() if one.amount > 0)
    grant = brokerage.StockHoldingGrant(
        type="STOCKHOLDING", broker_id=2, stock_holding_id=holding.id, amount=1, end_date="2031-01-31T12:30:00Z"
    )
    shares = users.create_authorization(brokerage.NewAuthorization(grant))
    equal((shares.type, shares.stock_holding_id), ("STOCKHOLDING", holding.id))
    equal(users.get_authorization(shares.id), shares)
    equal(users.revoke_authorization(shares.id).active, False)
    equal(users.revoke_authorization(money.id).active, False)

    person = anyone.register_user(
        brokerage.NewUser(
            type="broker",
            brokerage_fee=1.5,
            name="Eve",
            surname="Lindt",
            email=f"{NAME}@example.com",
            password="correct horse",
        )
    )
    equal((person.brokerage_fee, person.phone_no, person.address), (1.5, None, None))

    status, code, body = failure(brokerage, lambda: stocks.get_order(999_999))
    equal((status, code, body.error.reason), (404, "NOT_FOUND", "NOT_FOUND"))


def post_and_vote():
    api_client = client(community)
    users, posts = community.UsersApi(api_client), community.PostsApi(api_client)
    votes, messages = community.VotesApi(api_client), community.MessagesApi(api_client)
    user = users.create_user(community.NewUser(username=NAME, email=f"{NAME}@example.net"))
    equal(users.get_user(NAME), user)
    email = f"{NAME}@example.org"
    equal(users.update_email(NAME, community.NewEmail(email=email)).email, email)
    new_post = community.NewPost(title="Tea?", text="Or coffee.", community="Books", username=NAME, var_date="2026-01-31")
    post = posts.create_post(new_post)
    equal((post.var_date, post.url), (datetime(2026, 1, 31, tzinfo=timezone.utc), None))
    equal(posts.get_post(post.id), post)
    equal(votes.upvote_post(post.id).upvotes, 1)
    equal(votes.list_votes([post.id]), [votes.get_votes(post.id)])
    new_message = community.NewMessage(user_from=NAME, user_to="dan", contents="I found your glove.")
    message = messages.send_message(new_message)
    equal(messages.favorite_message(message.id), message.model_copy(update={"favorite": True}))
    messages.delete_message(message.id)
    posts.delete_post(post.id)
    users.deactivate_user(NAME)

    status, code, body = failure(community, lambda: posts.get_post(post.id))
    equal((status, code, body.error), (404, "NOT_FOUND", "Not Found"))


def order_at_the_shop():
    api_client = client(shop)
    users, orders = shop.UserApi(api_client), shop.OrderApi(api_client)
    name = f"{NAME}-shop"
    users.add_user(shop.NewUser(name=name, password=PASSWORD, address="2 Old Street"))
    user_id = users.login(shop.Credentials(name=name, password=PASSWORD)).user_id
    users.update_user(user_id, shop.UserChange(address="1 New Street"))
    shown = shop.User(id=user_id, name=name, password="********", address="1 New Street")
    equal(users.get_user(user_id), shown)
    day = date(2026, 11, 28)
    orders.place_order(shop.NewOrder(user_id=user_id, product_id=1, quantity=2, var_date=day))
    [order] = orders.list_orders_of_user(user_id)
    equal(order, shop.Order(id=order.id, user_id=user_id, product_id=1, quantity=2, var_date=day))
    orders.update_order(order.id, shop.OrderChange(quantity=3))
    equal(orders.get_order(order.id), order.model_copy(update={"quantity": 3}))
    orders.delete_order(order.id)
    users.delete_user(user_id)

    status, code, body = failure(shop, lambda: orders.get_order(order.id))
    equal((status, code), (404, "NOT_FOUND"))
    equal(body.actual_instance, shop.ErrorMessage(response="Order not found."))


run(
    NAME,
    {
        "bazaar": trade_at_the_bazaar,
        "bookstore": sell_a_book,
        "brokerage": trade_and_lend,
        "community": post_and_vote,
        "shop": order_at_the_shop,
    },
)
