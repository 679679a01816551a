"""The clients of `openapi-python-client`: each mount's main job, then an error.

Only generated functions and types are used. AGORA_URL is the address of a demo server.
"""

from datetime import date, datetime, timezone

import bazaar.models
import bookstore.models
import brokerage.models
import community.models
import shop.models
from bazaar.api.front import get_order as get_trade
from bazaar.api.front import get_stock, place_order as trade
from bookstore.api.catalog import add_book, delete_book, update_book
from bookstore.api.front import get_book_info, purchase_book, search_books
from bookstore.api.order import get_order as get_sale
from brokerage.api.stock import cancel_order, get_order, list_stockholdings, place_order
from brokerage.api.user import create_authorization, get_authorization, login, register_user, revoke_authorization
from brokerage.api.wallet import create_transaction, get_balance, get_transaction
from community.api.messages import delete_message, favorite_message, send_message
from community.api.posts import create_post, delete_post, get_post
from community.api.users import create_user, deactivate_user, get_user, update_email
from community.api.votes import get_votes, list_votes, upvote_post
from scenarios import PASSWORD, equal, run, server
from shop.api.order import delete_order, list_orders_of_user, update_order
from shop.api.order import get_order as get_shop_order
from shop.api.order import place_order as order_product
from shop.api.user import add_user, delete_user, update_user
from shop.api.user import get_user as get_customer
from shop.api.user import login as login_customer

NAME = "openapi-python-client"


def data(response):
    """Returns the body of a response that has to be a success."""
    assert response.status_code < 300, response.content
    return response.parsed


def failure(response):
    """Returns the status, the code and the body of a response that has to be an error."""
    return response.status_code, response.headers["Agora-Error-Code"], response.parsed


def trade_at_the_bazaar():
    client, models = bazaar.Client(base_url=f"{server}/bazaar"), bazaar.models

    def left():
        return data(get_stock.sync_detailed("GameStart", client=client)).data.quantity

    def bought(key):
        order = models.Trade(name="GameStart", quantity=2, type_=models.TradeType.BUY)
        return data(trade.sync_detailed(client=client, body=order, idempotency_key=key)).data

    before, one = left(), bought(f"{NAME}-buy")
    equal(bought(f"{NAME}-buy"), one)
    equal(one.transaction_number, one.order_number)
    recorded = data(get_trade.sync_detailed(one.order_number, client=client)).data
    equal((recorded.name, recorded.quantity, recorded.type_), ("GameStart", 2, models.OrderType.BUY))
    equal(left(), before - 2)
    sale = models.Trade(name="GameStart", quantity=2, type_=models.TradeType.SELL)
    data(trade.sync_detailed(client=client, body=sale))
    equal(left(), before)

    body = models.ErrorBody(error=models.ErrorDetails(code=404, message="stock not found"))
    equal(failure(get_stock.sync_detailed("Nothing", client=client)), (404, "NOT_FOUND", body))


def sell_a_book():
    client, models = bookstore.Client(base_url=f"{server}/bookstore"), bookstore.models
    new_book = models.NewBook(title="Typed Tales", topic=NAME, quantity=3, price=15.99)
    book = data(add_book.sync_detailed(client=client, body=new_book))
    found = data(search_books.sync_detailed(NAME, client=client))
    equal(found, [models.BookFound(id=book.id, title="Typed Tales")])
    changed = data(update_book.sync_detailed(book.id, client=client, body=models.BookChange(price=12.5)))
    book.price = 12.5
    equal(changed, book)
    bought = data(purchase_book.sync_detailed(book.id, client=client))
    equal(bought.book, models.BoughtBook(id=book.id, title="Typed Tales", price=12.5, quantity=2))
    sale = data(get_sale.sync_detailed(bought.order_id, client=client))
    assert isinstance(sale.created_at, datetime), sale
    equal((sale.book_id, sale.price, sale.status), (book.id, 12.5, "SUCCESS"))
    data(delete_book.sync_detailed(book.id, client=client))

    status, code, body = failure(get_book_info.sync_detailed(book.id, client=client))
    equal((status, code, body.success), (404, "NOT_FOUND", False))


def trade_and_lend():
    base_url, models = f"{server}/brokerage", brokerage.models
    anyone = brokerage.Client(base_url=base_url)
    credentials = models.Credentials(email="ada@example.com", password=PASSWORD)
    token = data(login.sync_detailed(client=anyone, body=credentials)).token
    client = brokerage.AuthenticatedClient(base_url=base_url, token=token)

    balance = data(get_balance.sync_detailed(client=client)).balance
    deposit = models.NewTransaction(type_=models.NewTransactionType.DEPOSIT, amount=40.5)
    transaction = data(create_transaction.sync_detailed(client=client, body=deposit))
    equal(data(get_transaction.sync_detailed(transaction.id, client=client)), transaction)
    equal(round(data(get_balance.sync_detailed(client=client)).balance - balance, 2), 40.5)

    new_order = models.NewOrder(
        type_=models.NewOrderType.PURCHASE, stock_id=4, stock_amount=1, automated=True, limit_price=1
    )
    order = data(place_order.sync_detailed(client=client, body=new_order))
    equal((order.order_price, order.broker_id, order.status), (1, None, models.OrderStatus.PENDING))
    equal(data(get_order.sync_detailed(order.id, client=client)), order)
    change = models.OrderChange(status=models.OrderChangeStatus.CANCELLED)
    order.status = models.OrderStatus.CANCELLED
    equal(data(cancel_order.sync_detailed(order.id, client=client, body=change)), order)

    # Both variants of one body, with a day and with a time.
    grant = models.CapitalGrant(
        type_=models.CapitalGrantType.CAPITAL, broker_id=2, amount=10.25, end_date="2030-12-31"
    )
    money = data(create_authorization.sync_detailed(client=client, body=grant))
    equal(money.type_, models.AuthorizationType.CAPITAL)
    holding = next(one for one in data(list_stockholdings.sync_detailed(client=client)) if one.amount > 0)
    grant = models.StockHoldingGrant(
        type_=models.StockHoldingGrantType.STOCKHOLDING,
        broker_id=2,
        stock_holding_id=holding.id,
        amount=1,
        end_date="2031-01-31T12:30:00Z",
    )
    shares = data(create_authorization.sync_detailed(client=client, body=grant))
    equal(shares.stock_holding_id, holding.id)
    for one in (shares, money):
        equal(data(get_authorization.sync_detailed(one.id, client=client)), one)
        equal(data(revoke_authorization.sync_detailed(one.id, client=client)).active, False)

    new_user = models.NewUser(
        type_=models.NewUserType.BROKER,
        brokerage_fee=1.5,
        name="Eve",
        surname="Lindt",
        email=f"{NAME}@example.com",
        password="correct horse",
    )
    person = data(register_user.sync_detailed(client=anyone, body=new_user))
    equal((person.brokerage_fee, person.phone_no, person.address), (1.5, None, None))

    status, code, body = failure(get_order.sync_detailed(999_999, client=client))
    equal((status, code, body.error.reason), (404, "NOT_FOUND", "NOT_FOUND"))


def post_and_vote():
    client, models = community.Client(base_url=f"{server}/community"), community.models
    new_user = models.NewUser(username=NAME, email=f"{NAME}@example.net")
    user = data(create_user.sync_detailed(client=client, body=new_user))
    equal(data(get_user.sync_detailed(NAME, client=client)), user)
    new_email = models.NewEmail(email=f"{NAME}@example.org")
    equal(data(update_email.sync_detailed(NAME, client=client, body=new_email)).email, new_email.email)
    new_post = models.NewPost(title="Tea?", text="Or coffee.", community="Books", username=NAME, date="2026-01-31")
    post = data(create_post.sync_detailed(client=client, body=new_post))
    equal((post.date, post.url), (datetime(2026, 1, 31, tzinfo=timezone.utc), None))
    equal(data(get_post.sync_detailed(post.id, client=client)), post)
    equal(data(upvote_post.sync_detailed(post.id, client=client)).upvotes, 1)
    votes = data(get_votes.sync_detailed(post.id, client=client))
    equal(data(list_votes.sync_detailed(client=client, ids=[post.id])), [votes])
    new_message = models.NewMessage(user_from=NAME, user_to="dan", contents="I found your glove.")
    message = data(send_message.sync_detailed(client=client, body=new_message))
    message.favorite = True
    equal(data(favorite_message.sync_detailed(message.id, client=client)), message)
    data(delete_message.sync_detailed(message.id, client=client))
    data(delete_post.sync_detailed(post.id, client=client))
    data(deactivate_user.sync_detailed(NAME, client=client))

    status, code, body = failure(get_post.sync_detailed(post.id, client=client))
    equal((status, code, body.error), (404, "NOT_FOUND", "Not Found"))


def order_at_the_shop():
    client, models = shop.Client(base_url=f"{server}/shop"), shop.models
    name = f"{NAME}-shop"
    new_user = models.NewUser(name=name, password=PASSWORD, address="2 Old Street")
    data(add_user.sync_detailed(client=client, body=new_user))
    credentials = models.Credentials(name=name, password=PASSWORD)
    user_id = data(login_customer.sync_detailed(client=client, body=credentials)).user_id
    change = models.UserChange(address="1 New Street")
    data(update_user.sync_detailed(user_id, client=client, body=change))
    shown = models.User(id=user_id, name=name, password="********", address="1 New Street")
    equal(data(get_customer.sync_detailed(user_id, client=client)), shown)
    day = date(2026, 11, 28)
    new_order = models.NewOrder(user_id=user_id, product_id=1, quantity=2, date=day)
    data(order_product.sync_detailed(client=client, body=new_order))
    [order] = data(list_orders_of_user.sync_detailed(user_id, client=client))
    equal(order, models.Order(id=order.id, user_id=user_id, product_id=1, quantity=2, date=day))
    data(update_order.sync_detailed(order.id, client=client, body=models.OrderChange(quantity=3)))
    order.quantity = 3
    equal(data(get_shop_order.sync_detailed(order.id, client=client)), order)
    data(delete_order.sync_detailed(order.id, client=client))
    data(delete_user.sync_detailed(user_id, client=client))

    message = models.ErrorMessage(response="Order not found.")
    equal(failure(get_shop_order.sync_detailed(order.id, client=client)), (404, "NOT_FOUND", message))


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
