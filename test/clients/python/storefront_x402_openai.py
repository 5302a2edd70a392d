"""OpenAI's client with a wallet: x402-openai."""
from common import ASK, BASE_URL, MODEL, report
from storefront_common import CHAIN, check_books, new_buyer, paid_in, read
from x402 import x402ClientSync
from x402.http import x402HTTPClientSync
from x402.mechanisms.evm.exact import ExactEvmScheme
from x402.mechanisms.evm.signers import EthAccountSigner
from eth_account import Account
from x402_openai import X402OpenAI

buyer = new_buyer()
wallet = x402ClientSync().register(CHAIN["id"], ExactEvmScheme(EthAccountSigner(Account.from_key(buyer["privateKey"]))))
wallet.set_spend_controls({"allowed_assets": [{"network": CHAIN["id"], "asset": CHAIN["token"]}]})
client = X402OpenAI(x402_client=x402HTTPClientSync(wallet), base_url=BASE_URL, max_retries=0)
charged = 0


def buy():
    global charged
    raw = client.chat.completions.with_raw_response.create(model=MODEL, messages=ASK, max_tokens=9)
    assert raw.parse().choices[0].message.content
    charged += int(paid_in(raw.headers["payment-response"])["amount"])


def buy_streamed():
    global charged
    before = int(read(f"/books?address={buyer['address']}")["charged"])
    chunks = client.chat.completions.create(model=MODEL, messages=ASK, max_tokens=9, stream=True)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    # The client hides the event with the payment response: what was used is known from the answer's price alone.
    charged += int(read(f"/books?address={buyer['address']}")["charged"]) - before


report({"buy": buy, "buy streamed": buy_streamed, "books": lambda: check_books(buyer["address"], charged)})
