"""OpenAI's client with a wallet: x402-openai, as it chooses itself and with `upto`."""
from common import ASK, BASE_URL, MODEL, report
from storefront_common import CHAIN, check_books, new_buyer, paid_in, read
from x402_openai import EvmConfig, X402OpenAI, prefer_scheme


class Buyer:
    def __init__(self, policies):
        buyer = new_buyer()
        self.address = buyer["address"]
        self.charged = 0
        self.client = X402OpenAI(
            evm=EvmConfig(private_key=buyer["privateKey"], rpc_url=CHAIN["rpcUrl"]),
            spend_controls={"allowed_assets": [{"network": CHAIN["id"], "asset": CHAIN["token"]}]},
            policies=policies,
            base_url=BASE_URL,
            max_retries=0,
        )

    def buy(self):
        create = self.client.chat.completions.with_raw_response.create
        raw = create(model=MODEL, messages=ASK, max_tokens=9)
        assert raw.parse().choices[0].message.content
        self.charged += int(paid_in(raw.headers["payment-response"])["amount"])

    def buy_streamed(self):
        before = int(read(f"/books?address={self.address}")["charged"])
        chunks = self.client.chat.completions.create(model=MODEL, messages=ASK, max_tokens=9, stream=True)
        assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
        # The client hides the event with the payment response.
        self.charged += int(read(f"/books?address={self.address}")["charged"]) - before

    def books(self):
        check_books(self.address, self.charged)


first = Buyer(None)
upto = Buyer([prefer_scheme("upto")])
report({
    "buy": first.buy, "buy streamed": first.buy_streamed, "books": first.books,
    "upto": upto.buy, "upto streamed": upto.buy_streamed, "upto books": upto.books,
})
