"""What the buyers of a storefront share: an account with money, and what ledger and chain have of it."""
import base64
import json
import os
import urllib.request

SHOP_URL = os.environ["IDLEWATT_CLIENT_SHOP_URL"]
CHAIN = json.loads(os.environ["IDLEWATT_CLIENT_CHAIN"])


def read(path):
    with urllib.request.urlopen(os.environ["IDLEWATT_CLIENT_BOOKS_URL"] + path) as response:
        return json.load(response)


def new_buyer():
    return read("/buyer")


def paid_in(header):
    """What the storefront says of a payment: x402's payment response."""
    response = json.loads(base64.b64decode(header))
    assert response["success"], response
    return response


def check_books(address, own_charged):
    """Ledger, chain and this buyer's own books agree."""
    books = read(f"/books?address={address}")
    assert int(books["charged"]) == own_charged, (books, own_charged)
    assert int(books["paid"]) == int(books["charged"]) + int(books["balance"]), books
    assert books["isWalletRight"], books
