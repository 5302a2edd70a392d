"""x402's library for Python buys with `exact` and with `upto`."""
import asyncio

from common import ASK, MODEL, report
from eth_account import Account
from storefront_common import CHAIN, SHOP_URL, check_books, new_buyer, paid_in
from x402 import x402Client
from x402.http.clients.httpx import wrapHttpxWithPayment
from x402.mechanisms.evm.exact import ExactEvmScheme
from x402.mechanisms.evm.signers import EthAccountSignerWithRPC
from x402.mechanisms.evm.upto.client import UptoEvmScheme

URL = f"{SHOP_URL}/v1/chat/completions"


class Buyer:
    def __init__(self, scheme):
        buyer = new_buyer()
        self.address = buyer["address"]
        self.charged = 0
        self.before = 0
        account = Account.from_key(buyer["privateKey"])
        signer = EthAccountSignerWithRPC(account, rpc_url=CHAIN["rpcUrl"])
        self.client = x402Client().register(CHAIN["id"], scheme(signer))
        self.client.set_spend_controls({"allowed_assets": [{"network": CHAIN["id"], "asset": CHAIN["token"]}]})

    async def ask(self, **more):
        async with wrapHttpxWithPayment(self.client, timeout=60) as http:
            response = await http.post(URL, json={"model": MODEL, "messages": ASK, "max_tokens": 9, **more})
        assert response.status_code == 200, response.text
        return response

    def buy(self):
        response = asyncio.run(self.ask())
        assert response.json()["choices"][0]["message"]["content"]
        self.charged += int(paid_in(response.headers["payment-response"])["amount"])

    def buy_streamed(self):
        text = asyncio.run(self.ask(stream=True)).text
        assert "data: [DONE]" in text, text
        event = text.split("event: x402.payment-response\ndata: ")[1].split("\n")[0]
        self.charged += int(paid_in(event)["amount"])

    def books(self):
        check_books(self.address, self.charged)


exact = Buyer(ExactEvmScheme)
upto = Buyer(UptoEvmScheme)
report({
    "exact": exact.buy, "exact again": exact.buy, "exact streamed": exact.buy_streamed, "exact books": exact.books,
    "upto": upto.buy, "upto streamed": upto.buy_streamed, "upto books": upto.books,
})
